// A client of the REST API over kept-alive connections.
import http from 'node:http';
import https from 'node:https';
import { exchanged } from './exchange.mjs';

export class Client {
  #agent;
  #base;
  #watch;
  #send;

  /**
   * @param watch called with {method, url, query, body, reply} of each exchange.
   * @param tls   of an https base: {ca, cert, key, ...} as of tls.connect
   */
  constructor(base, watch = () => {}, tls = {}) {
    this.#base = new URL(base);
    this.#watch = watch;
    const secure = this.#base.protocol === 'https:';
    this.#agent = new (secure ? https : http).Agent({ keepAlive: true, maxSockets: 1024, ...(secure ? tls : {}) });
    this.#send = secure ? https.request : http.request;
  }

  /**
   * Sends one request and returns {status, headers, text, json} (json is undefined where the text is none).
   *   query    object; undefined members are left out
   *   body     sent as JSON; `raw` instead of it is sent as it is
   */
  request(method, path, { query = {}, body, raw, headers = {}, timeout = 60_000 } = {}) {
    const url = new URL(path, this.#base);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.append(name, value);
    const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const length = payload === undefined ? {} : { 'content-length': Buffer.byteLength(payload) };
    const type = payload === undefined ? {} : { 'content-type': 'application/json' };
    const options = { method, agent: this.#agent, headers: { ...type, ...length, ...headers } };
    const reply = exchanged(this.#send(url, options), payload, { timeout, what: `${method} ${path}` });
    return reply.then((received) => {
      this.#watch({ method, url, query, body, reply: received });
      return received;
    });
  }

  get(path, options) {
    return this.request('GET', path, options);
  }
  post(path, options) {
    return this.request('POST', path, options);
  }

  allocateSpec(requirements = {}, docker = {}, options = {}) {
    return this.post('/service/allocate_spec', { body: { requirements, docker_requirement: docker }, ...options });
  }
  allocateHotkey(hotkey, options = {}) {
    return this.post('/service/allocate_hotkey', { query: { hotkey }, ...options });
  }
  /** deallocate, restart_docker, pause_docker, unpause_docker or exchange_docker_key of an allocation. */
  act(name, { hotkey, uuid_key: uuid }, query = {}) {
    return this.post(`/service/${name}`, { query: { hotkey, uuid_key: uuid, ...query } });
  }
  deallocate(allocation) {
    return this.act('deallocate', allocation);
  }
  /** The acknowledged allocations. */
  async allocations() {
    const { status, json } = await this.post('/list/allocations_sql');
    if (status === 404) return [];
    if (status !== 200) throw new Error(`allocations_sql: ${status} ${JSON.stringify(json)}`);
    return json.data;
  }
  /** hotkey -> 'available' or 'reserved' for every listed miner. */
  async slots() {
    const { status, json } = await this.post('/list/resources_sql');
    if (status === 404) return new Map();
    if (status !== 200) throw new Error(`resources_sql: ${status} ${JSON.stringify(json)}`);
    return new Map(json.data.page_items.map((item) => [item.hotkey, item.allocate_status]));
  }

  close() {
    this.#agent.destroy();
  }
}
