// A listener of /connect.
import { once } from 'node:events';
import WebSocket from 'ws';
import { soon, until } from './wait.mjs';

export class Listener {
  /** Frames in order, parsed. */
  frames = [];

  constructor(base, { since, headers = {}, tls = {}, path = '/connect' } = {}) {
    const url = new URL(path, base.replace(/^http/, 'ws'));
    if (since !== undefined) url.searchParams.set('since', since);
    this.socket = new WebSocket(url, { headers, perMessageDeflate: false, ...tls });
    this.socket.on('message', (data, binary) => {
      if (binary) throw new Error('a binary frame');
      this.frames.push(JSON.parse(String(data)));
    });
    this.closed = once(this.socket, 'close').then(([code, reason]) => ({ code, reason: String(reason) }));
    this.closed.catch(() => {});
  }

  static async open(base, options) {
    const listener = new Listener(base, options);
    await soon('a WebSocket', once(listener.socket, 'open'));
    return listener;
  }

  get events() {
    return this.frames.filter(({ type }) => type !== 'keepalive');
  }
  get seqs() {
    return this.events.map(({ seq }) => seq);
  }
  get last() {
    return this.seqs.at(-1);
  }
  /** Waits for an event for which test(event) holds. */
  heard(what, test, options) {
    return until(what, () => this.events.find(test), options);
  }
  end(within) {
    return soon('the WebSocket is closed', this.closed, within);
  }
  destroy() {
    this.socket.terminate();
  }
}
