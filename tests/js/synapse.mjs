// The wire form of the Allocate synapse, written against the protocol and not against Lode: what is signed, which
// headers carry it, which JSON types a bittensor 9 axon takes.
import * as sr25519 from '@scure/sr25519';
import { ss58Decode, ss58Encode } from './ss58.mjs';

/** SHA3-256 of the empty string: Allocate declares no field that is hashed, so it does not depend on the body. */
export const emptyBodyHash = 'a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a';

/** From this dendrite version on an axon applies the nonce window (7.2.0). */
export const windowVersion = 7002000n;

export const wallClockNs = () => BigInt(Date.now()) * 1_000_000n;

/** A hotkey from 32 bytes of mini secret. */
export function hotkeyFrom(mini) {
  const secret = sr25519.secretFromSeed(mini);
  const address = ss58Encode(sr25519.getPublicKey(secret));
  return {
    address,
    sign: (text) => '0x' + Buffer.from(sr25519.sign(secret, Buffer.from(text))).toString('hex'),
  };
}

/** Whether `signature` (0x and hexadecimal) over `text` is `address`'s. Throws when the address is none. */
export function verifies(address, text, signature) {
  const publicKey = ss58Decode(address);
  if (!/^(0x)?[0-9a-f]{128}$/i.test(signature ?? '')) return false;
  const bytes = Uint8Array.from(Buffer.from(signature.replace(/^0x/, ''), 'hex'));
  try {
    return sr25519.verify(Uint8Array.from(Buffer.from(text)), bytes, publicKey);
  } catch {
    return false; // the library throws for a point or scalar that is none
  }
}

export const signedText = ({ nonce, dendrite, axon, uuid, bodyHash }) =>
  [nonce, dendrite, axon, uuid, bodyHash].join('.');

const isObject = (v) => typeof v === 'object' && v !== null && !Array.isArray(v);
const isInteger = (v) =>
  (typeof v === 'number' && Number.isInteger(v)) ||
  typeof v === 'boolean' ||
  (typeof v === 'string' && /^\s*[+-]?\d+\s*$/.test(v));
const isFloat = (v) =>
  typeof v === 'number' || isInteger(v) || (typeof v === 'string' && v.trim() !== '' && !Number.isNaN(Number(v)));
const isBoolean = (v) =>
  typeof v === 'boolean' ||
  v === 0 ||
  v === 1 ||
  (typeof v === 'string' && /^(true|false|on|off|yes|no|t|f|y|n|1|0)$/i.test(v));
const isString = (v) => typeof v === 'string';
const orNull = (test) => (v) => v === null || test(v);

const terminal = {
  status_code: orNull(isInteger),
  status_message: orNull(isString),
  process_time: orNull(isFloat),
  ip: orNull(isString),
  port: orNull(isInteger),
  version: orNull(isInteger),
  nonce: orNull(isInteger),
  uuid: orNull(isString),
  hotkey: orNull(isString),
  signature: orNull(isString),
};
const fields = {
  name: orNull(isString),
  timeout: orNull(isFloat),
  total_size: orNull(isInteger),
  header_size: orNull(isInteger),
  computed_body_hash: orNull(isString),
  timeline: isInteger,
  device_requirement: isObject,
  checking: isBoolean,
  output: isObject,
  public_key: isString,
  docker_requirement: isObject,
  docker_change: isBoolean,
  docker_action: isObject,
};
const toBoolean = (v) => (typeof v === 'string' ? /^(true|on|yes|t|y|1)$/i.test(v) : Boolean(v));

function typeErrors(body) {
  if (!isObject(body))
    return [{ type: 'model_attributes_type', loc: ['body'], msg: 'Input should be a valid dictionary' }];
  const errors = [];
  const check = (object, table, loc) => {
    for (const [name, test] of Object.entries(table)) {
      if (name in object && !test(object[name]))
        errors.push({ type: 'type_error', loc: [...loc, name], msg: `Input should be a valid ${name}` });
    }
  };
  check(body, fields, ['body']);
  for (const side of ['dendrite', 'axon']) {
    const value = body[side] ?? null;
    if (value === null) continue;
    if (isObject(value)) check(value, terminal, ['body', side]);
    else errors.push({ type: 'model_attributes_type', loc: ['body', side], msg: 'Input should be a valid dictionary' });
  }
  return errors;
}

/** A body's synapse with the class's defaults: {synapse}, or the {errors} that FastAPI lists with a 422. */
export function parseSynapse(text, contentType) {
  if (contentType && !/^application\/([a-z0-9.-]+\+)?json\s*(;|$)/i.test(contentType))
    return { errors: [{ type: 'model_attributes_type', loc: ['body'], msg: 'Input should be a valid dictionary' }] };
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    return { errors: [{ type: 'json_invalid', loc: ['body', 0], msg: 'JSON decode error' }] };
  }
  const errors = typeErrors(body);
  if (errors.length > 0) return { errors };
  return {
    synapse: {
      dendrite: {},
      axon: {},
      output: {},
      public_key: '',
      device_requirement: {},
      docker_requirement: { base_image: 'ubuntu', ssh_key: '', ssh_port: 4444, volume_path: '/tmp', dockerfile: '' },
      docker_action: { action: '', ssh_key: '', key_type: '' },
      ...body,
      timeline: Number(body.timeline ?? 0),
      checking: toBoolean(body.checking ?? true),
      docker_change: toBoolean(body.docker_change ?? false),
    },
  };
}

/** What a synapse asks for, by the names that tests use. */
export function actionOf({ checking, docker_change: change, docker_action: asked, timeline }) {
  if (checking) return timeline > 0 ? 'check' : 'holds';
  if (!change) return timeline > 0 ? 'register' : 'deregister';
  const action = asked.action === 'resume' ? 'unpause' : asked.action;
  return ['restart', 'pause', 'unpause', 'exchange_key'].includes(action) ? action : 'other';
}
