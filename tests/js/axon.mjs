// A stand-in for an existing miner: the axon of bittensor 9 with compute-subnet 1.8.3 behind it, written against the
// protocol and not against Lode. It checks calls as strictly as the original and, told to, behaves badly (habits.mjs).
//
//   const axon = await startAxon({ssh: true});
//   axon.port, axon.hotkey, axon.sshPort     where it is
//   axon.calls                               every call that came, oldest first (see #record)
//   await axon.called(c => c.action === 'register')      the first such call, past or future
//   axon.container()                         a copy of what runs, or null
//   axon.miner                               the miner behind it (miner_state.mjs): stop(), remove(), registering, ...
//   const held = axon.setHabit('register', {kind: 'hold'}, {times: 1});  await held.arrived;  held.release();
//   axon.setHabit('check', null)             normal again; clearHabits() for all
//   await axon.close()
import crypto from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import { Habits, errorMessage, nonsenses } from './habits.mjs';
import { MinerRaised, MinerState } from './miner_state.mjs';
import { startSshBanner } from './ssh_banner.mjs';
import {
  actionOf,
  emptyBodyHash,
  hotkeyFrom,
  parseSynapse,
  signedText,
  verifies,
  wallClockNs,
  windowVersion,
} from './synapse.mjs';

const maxBody = 16 * 1024 * 1024;

/** An answer other than the forward function's: {status, body} as JSON. */
class Answer extends Error {
  constructor(status, body) {
    super(`HTTP ${status}`);
    Object.assign(this, { status, body });
  }
}
/** The axon was closed while a call waited. */
class Closed extends Error {}

const refuse = (reason) => new Answer(401, { message: `Not Verified with error: ${reason}` });

class Axon {
  #options;
  #server;
  #ssh;
  #identity;
  #habits = new Habits();
  #nonces = new Map();
  #queue = Promise.resolve();
  #events = new EventEmitter();
  #closing = new AbortController();

  constructor(options) {
    this.#options = options;
    this.#identity = hotkeyFrom(options.mini);
    this.hotkey = this.#identity.address;
    this.calls = [];
    this.#events.setMaxListeners(0);
  }

  async start() {
    const { host, port, ssh, sshPort, at } = this.#options;
    if (ssh) this.#ssh = await startSshBanner(host, sshPort, () => this.miner?.container?.state);
    this.sshPort = this.#ssh?.port ?? sshPort;
    this.miner = new MinerState({ sshPort: this.sshPort, at, changed: () => this.#events.emit('changed') });
    // uvicorn's own keep-alive of 5 s.
    this.#server = http.createServer({ keepAliveTimeout: 5000 }, (request, response) =>
      this.#receive(request, response),
    );
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    this.port = this.#server.address().port;
    return this;
  }

  async close() {
    this.#closing.abort();
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await Promise.all([closed, this.#ssh?.close()]);
  }

  setHabit(action, habit, options) {
    return this.#habits.set(action, habit, options);
  }

  clearHabits() {
    this.#habits.clear();
  }

  container() {
    return structuredClone(this.miner.container);
  }

  /** The first call, past or future, for which `test` is true. Rejects when the axon is closed. */
  async called(test = () => true) {
    for (;;) {
      const found = this.calls.find(test);
      if (found) return found;
      await once(this.#events, 'call', { signal: this.#closing.signal });
    }
  }

  /** Resolves as soon as `test(container())` is true. Rejects when the axon is closed. */
  async containerIs(test) {
    while (!test(this.container())) await once(this.#events, 'changed', { signal: this.#closing.signal });
    return this.container();
  }

  async #receive(request, response) {
    const chunks = [];
    let size = 0;
    try {
      for await (const chunk of request) {
        size += chunk.length;
        if (size > maxBody) return void request.destroy();
        chunks.push(chunk);
      }
    } catch {
      return; // the caller left in the middle of its request
    }
    const call = this.#record(request, Buffer.concat(chunks).toString());
    // The original's handler never yields: one call after the other, whole. A caller that has gone is still served.
    response.on('error', () => {}); // an answer to a caller that has gone
    this.#queue = this.#queue.then(() => this.#serve(call, response));
  }

  /** What tests see of a call. `outcome` is set when it is over: an HTTP status, or 'closed' or 'silent'. */
  #record({ method, url, headers }, text) {
    const { synapse, errors } = parseSynapse(text, headers['content-type']);
    const call = {
      method,
      headers,
      text,
      synapse,
      errors,
      path: url.split('?')[0],
      body: synapse,
      action: synapse ? actionOf(synapse) : null,
      public_key: synapse?.public_key,
      timeline: synapse?.timeline,
      nonce: headers.bt_header_dendrite_nonce,
      uuid: headers.bt_header_dendrite_uuid,
      hotkey: headers.bt_header_dendrite_hotkey,
      signature: headers.bt_header_dendrite_signature,
      timeout: headers.timeout,
      verified: false,
      outcome: null,
    };
    this.calls.push(call);
    this.#events.emit('call', call);
    return call;
  }

  async #serve(call, response) {
    try {
      this.#check(call);
    } catch (reason) {
      return this.#conclude(call, response, reason);
    }
    const entry = this.#habits.take(call);
    const work = this.#behave(call, response, entry).catch((reason) => this.#conclude(call, response, reason));
    const { blocks = call.action === 'register', kind } = entry?.habit ?? {};
    return blocks || !['slow', 'late', 'hold'].includes(kind) ? work : undefined;
  }

  /** Everything that comes before the forward function, in the original's order. */
  #check(call) {
    const name = call.path.split('/')[1];
    if (name !== 'Allocate')
      throw new Answer(404, {
        message: `Synapse name '${name}' not found. Available synapses ['Synapse', 'Allocate']`,
      });
    const { headers } = call;
    const integers = [
      'bt_header_dendrite_version',
      'bt_header_dendrite_nonce',
      'bt_header_axon_port',
      'header_size',
      'total_size',
    ];
    const isBad = (header, form) => headers[header] !== undefined && !form.test(headers[header]);
    if (integers.some((header) => isBad(header, /^[+-]?\d+$/)) || isBad('timeout', /^[+-]?\d+(\.\d*)?(e[+-]?\d+)?$/i))
      throw new Answer(500, { message: errorMessage(500, call) });
    const banned = this.#options.blacklist.get(call.hotkey);
    if (banned !== undefined) throw new Answer(403, { message: `Forbidden. Key is blacklisted: ${banned}.` });
    this.#verify(call);
    const { metagraph } = this.#options;
    if (metagraph && !metagraph.includes(call.hotkey)) throw new MinerRaised('the caller is not in the metagraph');
    if (!['GET', 'POST'].includes(call.method)) throw new Answer(405, { detail: 'Method Not Allowed' });
    if (call.errors) throw new Answer(422, { detail: call.errors });
    if (headers.computed_body_hash !== emptyBodyHash) throw new MinerRaised('body hash mismatch');
  }

  #verify(call) {
    const { headers, hotkey, uuid, nonce: nonceText, signature } = call;
    if (nonceText === undefined) throw refuse('Missing Nonce');
    const nonce = BigInt(nonceText);
    const key = `${hotkey}:${uuid}`;
    const stored = this.#nonces.get(key);
    if (stored === undefined && BigInt(headers.bt_header_dendrite_version ?? 0) >= windowVersion) {
      const timeoutNs = BigInt(Math.round(Number(headers.timeout ?? 12) * 1e9));
      const allowed = 4_000_000_000n + timeoutNs;
      const now = this.#options.now();
      const seconds = (ns) => (Number(ns) / 1e9).toFixed(2);
      if (nonce <= now - allowed)
        throw refuse(
          `Nonce is too old: acceptable delta is ${seconds(allowed)} seconds ` +
            `but request was ${seconds(now - nonce)} seconds old`,
        );
    }
    if (stored !== undefined && nonce <= stored) throw refuse('Nonce is too old, a newer one was last processed');
    call.signed = signedText({
      nonce: nonceText,
      dendrite: hotkey,
      axon: this.hotkey,
      uuid,
      bodyHash: headers.computed_body_hash,
    });
    let good;
    try {
      good = verifies(hotkey ?? '', call.signed, signature);
    } catch {
      throw refuse('Invalid SS58 format');
    }
    if (!good) throw refuse(`Signature mismatch with ${call.signed} and ${signature}`);
    this.#nonces.set(key, nonce);
    call.verified = true;
  }

  async #behave(call, response, entry) {
    const habit = entry?.habit ?? { kind: 'none' };
    switch (habit.kind) {
      case 'refuse':
        return this.#answer(call, response, { status: false, port: this.sshPort });
      case 'silence':
        if (habit.act) this.miner.perform(call.synapse);
        call.outcome = 'silent';
        return undefined;
      case 'close':
        throw new MinerRaised('told to');
      case 'drop':
        this.miner.perform(call.synapse);
        throw new MinerRaised('told to');
      case 'http': {
        const path = { path: call.path, text: call.signed, signature: call.signature };
        throw new Answer(habit.status, { message: habit.message ?? errorMessage(habit.status, path) });
      }
      case 'nonsense': {
        const output = habit.act === false ? { status: true, port: this.sshPort } : this.miner.perform(call.synapse);
        const synapse = this.#replySynapse(call, output);
        return this.#send(call, response, 200, nonsenses[habit.what]({ synapse, sshPort: this.sshPort }));
      }
      case 'slow':
        await this.#unlessClosed(new Promise((resolve) => setTimeout(resolve, habit.ms).unref()));
        break;
      case 'late':
        if (!response.destroyed) await this.#unlessClosed(once(response, 'close'));
        break;
      case 'hold':
        if (habit.acted) {
          const output = this.miner.perform(call.synapse);
          await this.#unlessClosed(entry.released);
          return this.#answer(call, response, output);
        }
        await this.#unlessClosed(entry.released);
        break;
      default:
    }
    return this.#answer(call, response, this.miner.perform(call.synapse));
  }

  async #unlessClosed(promise) {
    const { signal } = this.#closing;
    let stop;
    const closed = new Promise((_, reject) => {
      stop = () => reject(new Closed());
      signal.addEventListener('abort', stop, { once: true });
    });
    if (signal.aborted) throw new Closed();
    try {
      return await Promise.race([promise, closed]);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  #conclude(call, response, reason) {
    if (reason instanceof Answer)
      return this.#send(call, response, reason.status, { text: JSON.stringify(reason.body) });
    call.outcome = 'closed';
    response.destroy();
    // Anything else is a fault of the stand-in, which ends the process and so the test.
    if (!(reason instanceof MinerRaised) && !(reason instanceof Closed)) throw reason;
    return undefined;
  }

  #replySynapse(call, output) {
    const { synapse } = call;
    return {
      ...synapse,
      name: 'Allocate',
      output,
      docker_requirement: { ...synapse.docker_requirement, ssh_port: this.sshPort },
    };
  }

  #answer(call, response, output) {
    // The status that the caller put into the body's axon part wins: so does the original.
    const status = Number(call.synapse.axon?.status_code ?? 200);
    return this.#send(call, response, status, { text: JSON.stringify(this.#replySynapse(call, output)) });
  }

  #send(call, response, status, { text, contentType = 'application/json', size = 0, cut = false }) {
    call.outcome = status;
    const body = Buffer.from(text);
    response.writeHead(status, {
      'content-type': contentType,
      'content-length': Math.max(body.length, size),
      ...this.#replyHeaders(call, status),
    });
    if (cut) response.write(body.subarray(0, body.length / 2), () => response.destroy());
    else if (size > body.length) this.#pad(response, body, size);
    else response.end(body);
  }

  async #pad(response, body, size) {
    response.on('error', () => {});
    response.write(body);
    const blanks = Buffer.alloc(64 * 1024, ' ');
    for (let left = size - body.length; left > 0 && !response.destroyed; left -= blanks.length) {
      if (!response.write(blanks.subarray(0, left)))
        await Promise.race([once(response, 'drain').catch(() => {}), once(response, 'close')]);
    }
    response.end();
  }

  #replyHeaders({ headers, hotkey }, status) {
    const echoed = Object.entries(headers).filter(([name]) => name.startsWith('bt_header_dendrite_'));
    const axon = {
      bt_header_axon_status_code: status,
      bt_header_axon_status_message: status === 200 ? 'Success' : 'Error',
      bt_header_axon_process_time: '0.01',
      bt_header_axon_ip: '127.0.0.1',
      bt_header_axon_port: this.port,
      bt_header_axon_hotkey: this.hotkey,
    };
    const common = { name: 'Allocate', ...Object.fromEntries(echoed), ...axon };
    if (status === 200)
      return {
        ...common,
        timeout: headers.timeout ?? '12.0',
        header_size: '0',
        total_size: '0',
        computed_body_hash: '',
      };
    const nonce = wallClockNs();
    const uuid = crypto.randomUUID();
    return {
      ...common,
      bt_header_axon_version: 183,
      bt_header_axon_nonce: nonce.toString(),
      bt_header_axon_uuid: uuid,
      bt_header_axon_signature: this.#identity.sign(`${nonce}.${hotkey}.${this.hotkey}.${uuid}`),
    };
  }
}

/**
 * Starts an axon and returns it, listening.
 *   mini       32 bytes of mini secret; random by default
 *   host, port where it listens (127.0.0.1, any free port)
 *   sshPort    what every output says as `port` (4444); with ssh, 0 takes a free one
 *   ssh        whether the port really listens and shows a banner while the container runs
 *   at         whether the miner has the `at` command
 *   blacklist  Map of hotkey to reason: 403
 *   metagraph  hotkeys that the miner knows; a caller that is not among them makes it raise. Everyone by default
 *   now        its clock in nanoseconds
 */
export function startAxon({
  mini = new Uint8Array(crypto.randomBytes(32)),
  host = '127.0.0.1',
  port = 0,
  sshPort = 4444,
  ssh = false,
  at = true,
  blacklist = new Map(),
  metagraph = null,
  now = wallClockNs,
} = {}) {
  return new Axon({ mini, host, port, sshPort, ssh, at, blacklist, metagraph, now }).start();
}
