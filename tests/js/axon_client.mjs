// A small dendrite for the stand-in's own tests: signs and posts an Allocate synapse. Any part can be made wrong.
import crypto from 'node:crypto';
import http from 'node:http';
import { emptyBodyHash, hotkeyFrom, signedText, wallClockNs } from './synapse.mjs';

let lastNonce = 0n;
/** A nonce greater than every one before it. */
export function nextNonce() {
  const now = wallClockNs();
  lastNonce = now > lastNonce ? now : lastNonce + 1n;
  return lastNonce;
}

export class Client {
  constructor(mini = new Uint8Array(crypto.randomBytes(32))) {
    this.identity = hotkeyFrom(mini);
    this.hotkey = this.identity.address;
    this.uuid = crypto.randomUUID();
  }

  /** The headers of a call; `headers` replaces some after signing (undefined leaves one out). */
  headers(
    axon,
    { nonce = nextNonce(), uuid = this.uuid, timeout = '12.0', bodyHash = emptyBodyHash, headers = {} } = {},
  ) {
    const text = signedText({ nonce, dendrite: this.hotkey, axon: axon.hotkey, uuid, bodyHash });
    const all = {
      name: 'Allocate',
      timeout,
      'content-type': 'application/json',
      header_size: '0',
      total_size: '4321',
      bt_header_dendrite_ip: '127.0.0.1',
      bt_header_dendrite_version: '9000000',
      bt_header_dendrite_nonce: nonce.toString(),
      bt_header_dendrite_uuid: uuid,
      bt_header_dendrite_hotkey: this.hotkey,
      bt_header_dendrite_signature: this.identity.sign(text),
      bt_header_axon_ip: '127.0.0.1',
      bt_header_axon_port: axon.port.toString(),
      bt_header_axon_hotkey: axon.hotkey,
      computed_body_hash: bodyHash,
      ...headers,
    };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  }

  /**
   * Posts `synapse` (or `text` as it is) and resolves with {status, headers, text, json}, or {closed: true} when the
   * connection ended without an answer, or {cut: true} when it ended within one. `signal` makes the caller leave.
   */
  call(axon, synapse, options = {}) {
    const {
      path = '/Allocate',
      method = 'POST',
      text = JSON.stringify({ dendrite: { hotkey: this.hotkey }, ...synapse }),
      signal,
    } = options;
    return new Promise((resolve, reject) => {
      const request = http.request(
        {
          host: '127.0.0.1',
          port: axon.port,
          path,
          method,
          headers: this.headers(axon, options),
          agent: false,
          signal,
        },
        (response) => {
          const chunks = [];
          response.on('data', (chunk) => chunks.push(chunk));
          response.on('error', () => resolve({ cut: true }));
          response.on('end', () => {
            const body = Buffer.concat(chunks).toString();
            let json;
            try {
              json = JSON.parse(body);
            } catch {
              json = undefined;
            }
            resolve({ status: response.statusCode, headers: response.headers, text: body, json });
          });
        },
      );
      request.on('error', (reason) => (reason.code === 'ECONNRESET' ? resolve({ closed: true }) : reject(reason)));
      request.end(text);
    });
  }

  /** The output of a call that must succeed with 200. */
  async output(axon, synapse, options) {
    const { status, json, text } = await this.call(axon, synapse, options);
    if (status !== 200) throw new Error(`HTTP ${status}: ${text}`);
    return json.output;
  }
}

export const device = {
  cpu: { count: 1 },
  gpu: {},
  ram: { capacity: 1073741824 },
  hard_disk: { capacity: 1073741824 },
};

/** The synapse of each action. */
export const asks = {
  check: () => ({ checking: true, timeline: 30, device_requirement: device }),
  holds: (publicKey) => ({ checking: true, timeline: 0, public_key: publicKey }),
  register: (publicKey, more = {}) => ({
    checking: false,
    docker_change: false,
    timeline: 60,
    device_requirement: device,
    public_key: publicKey,
    docker_requirement: {
      base_image: 'ubuntu',
      ssh_key: 'ssh-ed25519 AAAA renter',
      ssh_port: 9999,
      volume_path: '/tmp',
      dockerfile: '',
    },
    ...more,
  }),
  deregister: (publicKey) => ({ checking: false, docker_change: false, timeline: 0, public_key: publicKey }),
  change: (action, more = {}) => ({
    checking: false,
    docker_change: true,
    timeline: 1,
    docker_action: { action, ssh_key: '', key_type: '', ...more },
  }),
};
