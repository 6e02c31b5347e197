// What a miner can do with a call instead of what it should. A habit is a plain object; the axon looks one up per call.
//
//   {kind: 'refuse'}                 answers status false and does nothing
//   {kind: 'silence', act: false}    never answers; with act it does what was asked
//   {kind: 'close'}                  closes without a byte and does nothing: the miner raised an error
//   {kind: 'drop'}                   does what was asked, then closes without a byte
//   {kind: 'http', status, message}  answers an error as an axon does, and does nothing
//   {kind: 'nonsense', what, act: true}   does what was asked (unless act is false) and answers `what` of nonsenses
//   {kind: 'slow', ms}               waits, then does and answers as it should
//   {kind: 'late'}                   waits until the caller has gone, then does what was asked
//   {kind: 'hold', acted: false}     waits for release(), then does and answers; with acted it does so at once and only
//                                    the answer waits
//
// slow, hold and late take `blocks`: whether the miner handles nothing else meanwhile, as its handler that never yields
// does. It is so for a register unless said otherwise.
import crypto from 'node:crypto';
import { encryptInfo } from './miner_state.mjs';

export const kinds = ['refuse', 'silence', 'close', 'drop', 'http', 'nonsense', 'slow', 'late', 'hold'];

const statusMessages = {
  400: () => 'Improperly formatted request. Could not parser request /.',
  401: ({ text, signature }) => `Not Verified with error: Signature mismatch with ${text} and ${signature}`,
  403: () => 'Forbidden. Key is blacklisted: Not enough stake!.',
  404: ({ path }) => `Synapse name '${path.split('/')[1]}' not found. Available synapses ['Synapse', 'Allocate']`,
  408: () => 'Timeout after: 12.0 seconds.',
  500: () => `Internal Server Error #${crypto.randomUUID()}`,
  503: () => 'Forbidden. Priority too low.',
};

/** The `message` of an axon's error answer to `call`. */
export const errorMessage = (status, call) => (statusMessages[status] ?? statusMessages[500])(call);

let strangersKey;
/** Access encrypted, but to a key that the caller does not have. */
function infoForAnotherKey(port) {
  strangersKey ??= crypto
    .generateKeyPairSync('rsa', { modulusLength: 2048 })
    .publicKey.export({ type: 'spki', format: 'pem' });
  return encryptInfo(strangersKey, { username: 'root', password: 'abcdefghij', port, version: 183 });
}

/** From the good answer {synapse, sshPort} to what is sent: {text, contentType}, padded to `size`, or `cut` short. */
export const nonsenses = {
  'not-json': () => ({ text: 'it works!' }),
  'empty-body': () => ({ text: '' }),
  'json-list': ({ synapse }) => ({ text: JSON.stringify([synapse]) }),
  'json-null': () => ({ text: 'null' }),
  'output-not-object': ({ synapse }) => ({ text: JSON.stringify({ ...synapse, output: [true] }) }),
  'output-missing': ({ synapse }) => ({ text: JSON.stringify({ ...synapse, output: undefined }) }),
  'status-missing': ({ synapse }) => ({ text: JSON.stringify({ ...synapse, output: { port: synapse.output.port } }) }),
  'status-not-boolean': ({ synapse }) => ({
    text: JSON.stringify({ ...synapse, output: { ...synapse.output, status: 'true' } }),
  }),
  'info-missing': ({ synapse }) => ({
    text: JSON.stringify({ ...synapse, output: { ...synapse.output, status: true, info: undefined } }),
  }),
  'info-not-base64': ({ synapse }) => ({
    text: JSON.stringify({ ...synapse, output: { ...synapse.output, status: true, info: '%%%' } }),
  }),
  'info-not-string': ({ synapse }) => ({
    text: JSON.stringify({ ...synapse, output: { ...synapse.output, status: true, info: { username: 'root' } } }),
  }),
  'info-other-key': ({ synapse, sshPort }) => ({
    text: JSON.stringify({ ...synapse, output: { ...synapse.output, status: true, info: infoForAnotherKey(sshPort) } }),
  }),
  'info-not-access': ({ synapse }) => ({
    text: JSON.stringify({
      ...synapse,
      output: { ...synapse.output, status: true, info: encryptInfo(synapse.public_key, ['root']) },
    }),
  }),
  'truncated-json': ({ synapse }) => ({ text: JSON.stringify(synapse).slice(0, -20) }),
  'cut-body': ({ synapse }) => ({ text: JSON.stringify(synapse), cut: true }),
  'content-type': ({ synapse }) => ({ text: JSON.stringify(synapse), contentType: 'text/html' }),
  'huge-body': ({ synapse }) => ({ text: JSON.stringify(synapse), size: 64 * 1024 * 1024 }),
  'deep-json': () => ({ text: '['.repeat(100_000) }),
};

/** The habits in force: for each action, or for '*', those that hold for a number of calls, and one that stays. */
export class Habits {
  #counted = [];
  #lasting = new Map();

  /** Returns {arrived}: a promise of the first call that meets it, and release() for those that hold. */
  set(action, habit, { times = Infinity } = {}) {
    if (habit === null) {
      this.#lasting.delete(action);
      this.#counted = this.#counted.filter((entry) => entry.action !== action);
      return undefined;
    }
    if (!kinds.includes(habit.kind)) throw new Error(`no habit of kind ${habit.kind}`);
    if (habit.kind === 'nonsense' && !(habit.what in nonsenses)) throw new Error(`no nonsense ${habit.what}`);
    const entry = { action, habit, left: times };
    entry.arrived = new Promise((resolve) => (entry.meet = resolve));
    entry.released = new Promise((resolve) => (entry.release = resolve));
    if (times === Infinity) this.#lasting.set(action, entry);
    else this.#counted.push(entry);
    return { arrived: entry.arrived, release: () => entry.release() };
  }

  clear() {
    this.#counted = [];
    this.#lasting.clear();
  }

  /** The habit for a call, which is counted; undefined for none. Counted ones go first, in the order they were set. */
  take(call) {
    const index = this.#counted.findIndex((entry) => entry.action === call.action || entry.action === '*');
    const entry = index >= 0 ? this.#counted[index] : (this.#lasting.get(call.action) ?? this.#lasting.get('*'));
    if (!entry) return undefined;
    entry.left -= 1;
    if (index >= 0 && entry.left <= 0) this.#counted.splice(index, 1);
    entry.meet(call);
    return entry;
  }
}
