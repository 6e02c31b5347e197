// A relay between an HTTP client and its server that can stop a chosen call at a chosen moment. Every byte goes through
// as it came; what is read of a request serves only to tell the calls apart.
import { once } from 'node:events';
import net from 'node:net';
import { soon } from './wait.mjs';

/** The first request in `bytes`: {method, path, body, size}, or undefined while it is not whole. */
function requestIn(bytes) {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [line, ...headers] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const [method, path] = line.split(' ');
  let length = 0;
  for (const header of headers) {
    const [, name, value] = /^([^:]+):\s*(.*)$/.exec(header);
    if (/^content-length$/i.test(name)) length = Number(value);
    if (/^transfer-encoding$/i.test(name)) throw new Error(`a request in pieces: ${line}`);
  }
  const size = end + 4 + length;
  if (bytes.length < size) return undefined;
  return { method, path, body: bytes.subarray(end + 4, size), size };
}

/** A call that is stopped once. */
class Hold {
  #release;
  #reach;
  constructor(moment, label) {
    this.moment = moment;
    this.label = label;
    this.used = false;
    this.released = new Promise((resolve) => (this.#release = resolve));
    this.arrived = new Promise((resolve) => (this.#reach = resolve));
  }
  take() {
    this.used = true;
    this.#reach();
    return this.released;
  }
  /** Resolves when a call waits here. */
  reached(within = 30_000) {
    return soon(`${this.label} is held at its ${this.moment}`, this.arrived, within);
  }
  /** Lets it go on, also when its client is gone by now: as if the bytes had been on their way. */
  release() {
    this.#release(true);
  }
  /** It never arrives. */
  drop() {
    this.#release(false);
  }
}

export class Proxy {
  #holds = [];
  #sockets = new Set();

  /**
   *   listen, target  as for net: {host, port} or {path}
   *   describe        (request) => the label of a call
   */
  static async start({ listen, target, describe }) {
    const proxy = new Proxy();
    proxy.target = target;
    proxy.describe = describe;
    /** The labels of all calls, in the order in which they came. */
    proxy.calls = [];
    proxy.server = net.createServer((client) => proxy.#serve(client));
    proxy.server.listen(listen);
    await once(proxy.server, 'listening');
    proxy.port = proxy.server.address().port;
    return proxy;
  }

  /** Stops the next call with this label: 'request', before the server has it, or 'reply', before the client has it. */
  hold(moment, label) {
    const hold = new Hold(moment, label);
    this.#holds.push(hold);
    return hold;
  }
  #holdFor(moment, label) {
    const hold = this.#holds.find((h) => !h.used && h.moment === moment && h.label === label);
    return hold?.take();
  }

  #keep(socket) {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {}); // either side may be killed; 'close' follows
    return socket;
  }

  #serve(client) {
    this.#keep(client);
    const server = this.#keep(net.connect(this.target));
    let label;
    let waiting = Buffer.alloc(0);
    let forwarding = Promise.resolve();
    let undelivered = 0; // requests that have not been passed on
    let answered = true;

    client.on('data', (chunk) => {
      waiting = Buffer.concat([waiting, chunk]);
      for (let request; (request = requestIn(waiting)); ) {
        const bytes = waiting.subarray(0, request.size);
        waiting = waiting.subarray(request.size);
        const name = this.describe(request);
        undelivered += 1;
        forwarding = forwarding.then(async () => {
          this.calls.push(name);
          const goes = (await this.#holdFor('request', name)) ?? true;
          undelivered -= 1;
          if (!goes) return server.destroy();
          label = name;
          answered = false;
          server.write(bytes);
        });
      }
    });
    let replying = Promise.resolve();
    server.on('data', (chunk) => {
      const first = !answered;
      answered = true;
      const name = label;
      replying = replying.then(async () => {
        const goes = !first || ((await this.#holdFor('reply', name)) ?? true);
        if (!goes) return client.destroy();
        if (client.writable) client.write(chunk);
      });
    });
    server.on('close', () => replying.then(() => client.destroySoon()));
    // A held request may still be delivered later; what was delivered has lost its caller.
    client.on('close', () => {
      if (undelivered === 0) server.destroy();
      else forwarding.then(() => server.end());
    });
  }

  async close() {
    for (const hold of this.#holds) hold.drop();
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}

/** The label of a call to a miner: check, holds, register, deregister, pause, …, Specs. */
export function minerCall({ path, body }) {
  if (path !== '/Allocate') return path.slice(1);
  const call = JSON.parse(body);
  if (call.docker_change) return call.docker_action.action;
  if (call.checking) return call.timeline > 0 ? 'check' : 'holds';
  return call.timeline > 0 ? 'register' : 'deregister';
}

/** The label of a call to a container engine: create, put, start, inspect, list, remove, …, or METHOD path. */
export function engineCall({ method, path }) {
  const [, tail] = /^\/v[\d.]+(\/[^?]*)/.exec(path) ?? [undefined, path];
  const named = [
    [/^POST \/containers\/create$/, 'create'],
    [/^PUT \/containers\/[^/]+\/archive$/, 'put'],
    [/^POST \/containers\/[^/]+\/(\w+)$/, undefined],
    [/^DELETE \/containers\/[^/]+$/, 'remove'],
    [/^GET \/containers\/json$/, 'list'],
    [/^GET \/containers\/[^/]+\/json$/, 'inspect'],
  ];
  for (const [pattern, name] of named) {
    const match = pattern.exec(`${method} ${tail}`);
    if (match) return name ?? match[1];
  }
  return `${method} ${tail}`;
}
