// One daemon with its own data directory, hotkey and miners file, and stand-in miners for it.
//
//   withWorld('what is shown', {miners: 2, settings: {...}}, async (world) => { ... });
//
// At the end of each test, whatever it was about: no stand-in holds a container that is not a live allocation, SIGTERM
// ends the daemon with 0, its log is JSON lines, no secret is in anything that it said, and every reply was as
// /openapi.json describes it. When the test fails the log is printed.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { startAxon } from '../axon.mjs';
import { ss58Decode } from '../ss58.mjs';
import { hotkeyFrom } from '../synapse.mjs';
import { Client } from './client.mjs';
import { Loded } from './loded.mjs';
import { until } from './wait.mjs';
import { Witness } from './witness.mjs';

const hex = (bytes) => `0x${Buffer.from(bytes).toString('hex')}`;

/** Short times, so that what must wait does not take minutes; a test says its own where they matter. */
const quick = {
  'http.listen': '127.0.0.1:0',
  'allocation.check-timeout-ms': 3000,
  'allocation.register-timeout-ms': 6000,
  'allocation.hotkey-register-timeout-ms': 6000,
  'allocation.deregister-timeout-ms': 3000,
  'allocation.action-timeout-ms': 3000,
  'allocation.settle-ms': 1500,
  'allocation.release-retry-min-ms': 100,
  'allocation.release-retry-max-ms': 500,
  'forge.pool': 4,
  'log.level': 'debug',
};

const bytesOf = (gib) => Math.round(gib * 2 ** 30);
/** A miner's specs as a miners file has them. */
export const specsOf = ({ gpu = 'NVIDIA RTX A4000', mib = 16376, count = 1, cpu = 8, ram = 32, disk = 200 } = {}) => ({
  cpu: { count: cpu },
  gpu: { count, capacity: mib, details: count > 0 ? [{ name: gpu }] : [] },
  ram: { total: bytesOf(ram), available: bytesOf(ram) },
  hard_disk: { total: bytesOf(disk), free: bytesOf(disk) },
  has_docker: true,
});

export class World {
  #secrets = new Set();
  #clients = [];
  #witness = new Witness();

  /**
   *   miners    how many stand-ins, or a list of {specs, version, axon: options of startAxon}
   *   settings  of the daemon, beside the short ones
   *   start     whether it is started
   *   file      whether there is a miners file
   *   tls       of its clients, when it speaks TLS
   */
  static async create({ miners = 0, settings = {}, start = true, file = true, tls = {} } = {}) {
    const world = new World();
    world.tls = tls;
    world.dir = await fs.mkdtemp(path.join(os.tmpdir(), 'lode-test-'));
    world.axons = [];
    try {
      const wanted = typeof miners === 'number' ? Array.from({ length: miners }, () => ({})) : miners;
      for (const { axon = {} } of wanted) world.axons.push(await startAxon({ ssh: true, sshPort: 0, ...axon }));
      world.miners = wanted.map(({ specs = specsOf(), version = 183 }, i) => ({
        ...world.address(world.axons[i]),
        version,
        ...(specs === null ? {} : { specs }),
      }));
      await world.#writeHotkey();
      await world.writeMiners();
      world.loded = new Loded({
        ...quick,
        'storage.path': path.join(world.dir, 'data'),
        'wallet.hotkey-file': path.join(world.dir, 'hotkey'),
        ...(file ? { 'miners.file': path.join(world.dir, 'miners.json') } : {}),
        ...settings,
      });
      if (start) await world.start();
      return world;
    } catch (error) {
      await world.destroy();
      throw error;
    }
  }

  address({ hotkey, port }) {
    return { hotkey, ip: '127.0.0.1', port };
  }

  /** The daemon's own hotkey, in the form in which bittensor keeps it. */
  async #writeHotkey() {
    const mini = crypto.randomBytes(32);
    const { address } = hotkeyFrom(new Uint8Array(mini));
    const publicKey = hex(ss58Decode(address));
    const file = { accountId: publicKey, publicKey, secretSeed: hex(mini), ss58Address: address };
    await fs.writeFile(path.join(this.dir, 'hotkey'), JSON.stringify(file), { mode: 0o600 });
    this.hotkey = address;
    this.secret(mini.toString('hex'));
  }

  /** Replaces the miners file at once by `text`, or by this.miners. */
  async writeMiners(text = JSON.stringify({ miners: this.miners })) {
    const file = path.join(this.dir, 'miners.json');
    await fs.writeFile(`${file}.new`, text);
    await fs.rename(`${file}.new`, file);
  }

  /** What must never be in a log. */
  secret(text) {
    if (typeof text === 'string' && text.length >= 8) this.#secrets.add(text);
  }

  /** A client of the running daemon. Every secret that goes over the wire is remembered. */
  client() {
    const client = new Client(this.loded.url, ({ method, url, query, body, reply }) => {
      this.#witness.heard(method, url, reply);
      this.secret(query.uuid_key);
      this.secret(body?.uuid_key);
      const data = reply.json?.data;
      for (const item of Array.isArray(data) ? data : [data]) {
        this.secret(item?.uuid_key);
        this.secret(item?.ssh_password);
      }
    }, this.tls);
    this.#clients.push(client);
    return client;
  }

  /** Starts the daemon (again, on the same data) and waits until it is ready and knows its miners. */
  async start() {
    await this.loded.start();
    this.api = this.client();
    await until('the daemon is ready', async () => (await this.api.get('/readyz')).status === 200);
    const expected = this.loded.settings['miners.file'] ? this.miners : [];
    await until('the miners are known', async () => {
      const { json } = await this.api.get('/readyz');
      return json.data.miners >= expected.length + Number(this.loded.settings['miners.simulated'] ?? 0);
    });
  }

  async restart() {
    await this.start();
  }

  /** kill -9. */
  async kill() {
    const { signal } = await this.loded.end('SIGKILL');
    assert.equal(signal, 'SIGKILL');
    this.#forget();
  }

  async stop() {
    await this.#witness.learn(this.api);
    const end = await this.loded.end('SIGTERM');
    this.#forget();
    assert.deepEqual(end, { code: 0, signal: null }, 'a graceful stop');
  }

  #forget() {
    for (const client of this.#clients) client.close();
    this.#clients = [];
  }

  axonOf(hotkey) {
    return this.axons.find((axon) => axon.hotkey === hotkey);
  }

  /** Resolves when the slot of `hotkey` is offered, or not. */
  slotIs(hotkey, wanted, options) {
    return until(`${hotkey} is ${wanted}`, async () => (await this.api.slots()).get(hotkey) === wanted, options);
  }

  /**
   * I1 and I3, once things have come to rest: each hotkey at most once, and the stand-ins' containers are exactly those
   * of the live allocations, made under that password. Returns the allocations.
   */
  async settles({ within = 20_000 } = {}) {
    let problem;
    try {
      return await until(
        'rest',
        async () => {
          const list = await this.api.allocations();
          const slots = await this.api.slots();
          problem = this.#difference(list, slots);
          return problem ? null : list;
        },
        { within, every: 50 },
      );
    } catch (error) {
      throw new Error(problem ?? error.message);
    }
  }

  #difference(list, slots) {
    const held = new Map(list.map((a) => [a.hotkey, a]));
    if (held.size !== list.length) throw new Error('a hotkey is listed twice');
    for (const axon of this.axons) {
      const container = axon.container();
      const allocation = held.get(axon.hotkey);
      if (container && !allocation) return `${axon.hotkey} holds a container without an allocation`;
      if (!allocation) {
        if (slots.get(axon.hotkey) === 'reserved') return `${axon.hotkey} is reserved by nobody`;
        continue;
      }
      if (!container) return `${axon.hotkey} lost the container of its allocation`;
      if (container.password !== allocation.ssh_password) return `${axon.hotkey} holds a container of someone else`;
    }
    return null;
  }

  assertNoSecrets() {
    for (const axon of this.axons) this.secret(axon.container()?.password);
    for (const [name, text] of Object.entries({ stdout: this.loded.stdout, stderr: this.loded.stderr })) {
      for (const secret of this.#secrets) assert.ok(!text.includes(secret), `a secret is in ${name}`);
      assert.ok(!/PRIVATE KEY/.test(text), `a private key is in ${name}`);
    }
  }

  /** The checks of the end, see above. */
  async finish() {
    if (this.loded.running) {
      await this.settles();
      await this.stop();
    }
    this.loded.lines();
    this.assertNoSecrets();
    assert.deepEqual(this.#witness.faults(), [], 'every reply as /openapi.json describes it');
  }

  async destroy() {
    this.#forget();
    await this.loded?.destroy();
    await Promise.all(this.axons.map((axon) => axon.close()));
    await fs.rm(this.dir, { recursive: true, force: true });
  }

  /** What happened, for the report of a failed test. */
  report() {
    const lines = this.loded.stderr.split('\n');
    const calls = this.axons.flatMap((axon, i) => axon.calls.map((call) => `${i} ${call.action} -> ${call.outcome}`));
    return [
      `--- loded ${this.loded.state}; its log, last of ${lines.length} lines`,
      ...lines.slice(-150),
      `--- calls of the stand-ins, last of ${calls.length}`,
      ...calls.slice(-60),
    ].join('\n');
  }
}

/** Runs `body(world)` in a world of its own, with the checks of the end. */
export async function inWorld(options, body) {
  const world = await World.create(options);
  try {
    await body(world);
    await world.finish();
  } catch (error) {
    console.error(world.report());
    throw error;
  } finally {
    await world.destroy();
  }
}

/** A test in a world of its own. */
export const withWorld = (name, options, body) => test(name, () => inWorld(options, body));

/** Tests that run side by side, each in a world of its own: define(withWorld). */
export const inWorlds = (name, define) => describe(name, { concurrency: 4 }, () => define(withWorld));

/** A test of several steps in one world, in order: define((title, body) => ...). Stops at nothing. */
export const withSteps = (name, options, define) =>
  test(name, (t) =>
    inWorld(options, async (world) => {
      const steps = [];
      define((title, body) => steps.push([title, body]));
      let failed = 0;
      for (const [title, body] of steps)
        await t.test(title, async () => {
          try {
            await body(world);
          } catch (error) {
            failed += 1;
            throw error;
          }
        });
      if (failed > 0) throw new Error(`${failed} of ${steps.length} steps failed`);
    }),
  );
