// A container engine's API over its Unix socket, as the tests look at it: never through Lode.
import http from 'node:http';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import { exchanged } from './exchange.mjs';

export class Engine {
  /** @param folder that of scripts/engine, for a Podman that a test may kill and start */
  constructor({ socket, folder, script }) {
    this.socket = socket;
    this.folder = folder;
    this.script = script;
  }

  request(method, path, body) {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers = payload ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) } : {};
    const options = { socketPath: this.socket, method, path: `/v1.41${path}`, headers, agent: false };
    return exchanged(http.request(options), payload, { timeout: 30_000, what: `engine: ${method} ${path}` });
  }

  async ask(method, path, body) {
    const reply = await this.request(method, path, body);
    if (reply.status >= 300) throw new Error(`engine: ${method} ${path}: ${reply.status} ${reply.text}`);
    return reply.json;
  }

  #labelled(kind, label) {
    return this.ask('GET', `/${kind}/json?all=1&filters=${encodeURIComponent(JSON.stringify({ label: [label] }))}`);
  }
  /** What an agent made: `owner` is its hotkey. */
  containersOf(owner) {
    return this.#labelled('containers', `io.lode.owner=${owner}`);
  }
  imagesOf(owner) {
    return this.#labelled('images', `io.lode.owner=${owner}`);
  }
  inspect(id) {
    return this.ask('GET', `/containers/${id}/json`);
  }
  async exists(id) {
    return (await this.request('GET', `/containers/${id}/json`)).status === 200;
  }
  create(name, body) {
    return this.ask('POST', `/containers/create?name=${name}`, body);
  }
  /** Takes it away for good, whatever it is doing. */
  async remove(id) {
    for (let i = 0; i < 5; i += 1) {
      const { status } = await this.request('DELETE', `/containers/${id}?force=1&v=1`);
      if (status === 404) return;
    }
    if (await this.exists(id)) throw new Error(`engine: container ${id} cannot be removed`);
  }

  /** kill -9 of the API's process. Containers live on. */
  async kill() {
    const pid = Number(await fs.readFile(`${this.folder}/run/service.pid`, 'utf8'));
    process.kill(pid, 'SIGKILL');
  }
  async start() {
    const child = spawn(this.script, ['start', this.folder], { stdio: ['ignore', 'ignore', 'inherit'] });
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`the engine does not start: ${code}`);
  }
}
