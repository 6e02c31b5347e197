// Holds every reply that a test got from the daemon against the daemon's own description, whatever the test was about.
import { Description } from './openapi.mjs';

// What HTTP itself makes wrong is described once for all operations (`default`).
const ofHttp = [400, 405, 408, 431];
const isAsset = (path) => /^\/(docs|ui)\/./.test(path);

let description; // of the program under test: the same for all its runs

export class Witness {
  #replies = new Map(); // what was answered alike is looked at once

  heard(method, url, reply) {
    const { pathname } = new URL(url);
    const path = pathname.length > 1 && pathname.endsWith('/') ? pathname.slice(0, -1) : pathname;
    if (method === 'HEAD' || isAsset(path)) return;
    this.#replies.set(`${method} ${path} ${reply.status} ${reply.text}`, { method, path, reply });
  }

  /** Asks for the description, if nobody did before; a daemon that gives none to this client is no fault. */
  async learn(api) {
    if (description) return;
    const reply = await api.get('/openapi.json').catch(() => undefined);
    if (reply?.status === 200) description = new Description(reply.json);
  }

  /** What was not as described. */
  faults() {
    if (!description) return [];
    const all = [...this.#replies.values()];
    this.#replies.clear();
    return all.map((one) => this.#fault(one)).filter((text) => text !== '');
  }

  #fault({ method, path, reply }) {
    const known = description.document.paths[path]?.[method.toLowerCase()];
    if (known && (known.responses[reply.status] || !ofHttp.includes(reply.status)))
      return description.fault({ method, path }, reply);
    const where = `${method} ${path} ${reply.status}`;
    if (!known && ![...ofHttp, 403, 404, 413, 503].includes(reply.status)) return `${where} of no operation: ${reply.text}`;
    if (!reply.headers['x-request-id']) return `${where}: no header x-request-id`;
    const validate = description.at('components', 'schemas', 'Problem');
    return validate(reply.json) ? '' : `${where}: ${JSON.stringify(validate.errors)}\n${reply.text}`;
  }
}
