// The whole of Lode on one engine: loded, one or more lode-miners, and what may stand between them.
//
//   onStage('what is shown', {agents: [{proxied: true}], settings: {...}}, async (stage) => { ... });
//
// At the end of each test, whatever it was about: every container in the engine belongs to an acknowledged allocation,
// and once those are given back there is none and the slots are offered; SIGTERM ends both programs with 0; their logs
// are JSON lines without any secret. When the test fails the logs are printed.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { Agent } from '../lib/agent.mjs';
import { Client } from '../lib/client.mjs';
import { Engine } from '../lib/engine.mjs';
import { Loded } from '../lib/loded.mjs';
import { Proxy, engineCall, minerCall } from '../lib/proxy.mjs';
import { succeeded } from '../lib/replies.mjs';
import { bannerOf, makeKey, Renter } from '../lib/ssh.mjs';
import { until } from '../lib/wait.mjs';
import { writeWallet } from '../lib/wallet.mjs';

const socket = process.env.LODE_TEST_ENGINE_SOCKET;
const folder = process.env.LODE_TEST_FOLDER;
const root = process.env.LODE_TEST_ROOT;
if (!socket || !folder || !root) throw new Error('run this through run.sh');

export const engine = new Engine({
  socket,
  folder: path.join(folder, 'engine'),
  script: path.join(root, 'scripts/engine'),
});
/** The image that run.sh imported. */
export const baseImage = 'localhost/lode-base:1';

/** Short where something must be waited for, generous where a busy machine needs it. */
const quickDaemon = {
  'http.listen': '127.0.0.1:0',
  'allocation.check-timeout-ms': 10_000,
  'allocation.register-timeout-ms': 60_000,
  'allocation.hotkey-register-timeout-ms': 60_000,
  'allocation.deregister-timeout-ms': 30_000,
  'allocation.action-timeout-ms': 30_000,
  'allocation.settle-ms': 1500,
  'allocation.release-retry-min-ms': 100,
  'allocation.release-retry-max-ms': 500,
  'forge.pool': 0,
  'log.level': 'debug',
};
const quickAgent = {
  'axon.listen': '127.0.0.1:0',
  'container.ssh-bind-ip': '127.0.0.1',
  'container.gpu': 'none',
  'container.cgroup-parent': '/lode',
  'reconcile.interval-seconds': 1,
  'log.level': 'debug',
};

let nextPorts = 20_100;

export class Stage {
  #secrets = new Set();
  #clients = [];

  /**
   *   agents    list of {proxied: whether calls to it go through a Proxy, engineProxied: its engine's socket likewise,
   *             settings}
   *   settings  of the daemon, beside the short ones
   */
  static async create({ agents = [{}], settings = {} } = {}) {
    const stage = new Stage();
    stage.dir = await fs.mkdtemp(path.join(os.tmpdir(), 'lode-test-'));
    stage.agents = [];
    stage.daemons = [];
    stage.proxies = [];
    try {
      stage.validator = await stage.wallet('validator');
      for (const wanted of agents) await stage.addAgent(wanted);
      stage.loded = stage.newDaemon('data', stage.validator, settings);
      await stage.writeMiners('miners.json', (agent) => agent.address);
      await stage.start();
      stage.key = await makeKey(stage.dir, 'renter');
      stage.renter = new Renter(stage.dir);
      return stage;
    } catch (error) {
      console.error(stage.report());
      await stage.destroy();
      throw error;
    }
  }

  async wallet(name) {
    const wallet = await writeWallet(path.join(this.dir, name));
    this.secret(wallet.mini.toString('hex'));
    return wallet;
  }

  async addAgent({ proxied = false, engineProxied = false, settings = {}, alsoFor = [] }) {
    const number = this.agents.length;
    const wallet = await this.wallet(`miner-${number}`);
    const ports = nextPorts;
    nextPorts += 10;
    const entry = { hotkey: wallet.address, ports };
    let engineSocket = socket;
    if (engineProxied) {
      engineSocket = path.join(this.dir, `engine-${number}.sock`);
      const describe = engineCall;
      entry.engineProxy = await this.proxy({ listen: { path: engineSocket }, target: { path: socket }, describe });
    }
    entry.agent = new Agent({
      ...quickAgent,
      'wallet.hotkey-file': wallet.file,
      'access.validators': [this.validator.address, ...alsoFor],
      'engine.socket': engineSocket,
      'image.allowed': [`ubuntu=${baseImage}`],
      'container.ssh-port-from': ports,
      'container.ssh-port-to': ports + 9,
      'container.name-prefix': `test-${number}`,
      'state.path': path.join(this.dir, `state-${number}`),
      ...settings,
    });
    await entry.agent.start();
    entry.direct = { hotkey: wallet.address, ip: '127.0.0.1', port: entry.agent.port };
    entry.address = entry.direct;
    if (proxied) {
      const target = { host: '127.0.0.1', port: entry.agent.port };
      entry.proxy = await this.proxy({ listen: { host: '127.0.0.1', port: 0 }, target, describe: minerCall });
      entry.address = { ...entry.direct, port: entry.proxy.port };
    }
    this.agents.push(entry);
    return entry;
  }

  async proxy(options) {
    const proxy = await Proxy.start(options);
    this.proxies.push(proxy);
    return proxy;
  }

  newDaemon(data, wallet, settings = {}, miners = 'miners.json') {
    const daemon = new Loded({
      ...quickDaemon,
      'storage.path': path.join(this.dir, data),
      'wallet.hotkey-file': wallet.file,
      'miners.file': path.join(this.dir, miners),
      ...settings,
    });
    this.daemons.push(daemon);
    return daemon;
  }

  writeMiners(name, addressOf) {
    const miners = this.agents.map((agent) => ({ ...addressOf(agent), version: 183 }));
    return fs.writeFile(path.join(this.dir, name), JSON.stringify({ miners }));
  }

  /** What must never be in a log. */
  secret(text) {
    if (typeof text === 'string' && text.length >= 8) this.#secrets.add(text);
  }

  /** A client of a daemon. Every secret that goes over the wire is remembered. */
  client(daemon = this.loded) {
    const client = new Client(daemon.url, ({ query, reply }) => {
      this.secret(query.uuid_key);
      for (const item of [reply.json?.data].flat()) {
        this.secret(item?.uuid_key);
        this.secret(item?.ssh_password);
      }
    });
    this.#clients.push(client);
    return client;
  }

  /** Starts loded (again, on the same data) and waits until it is ready. */
  async start() {
    await this.loded.start();
    this.api = this.client();
    await until('loded is ready', async () => (await this.api.get('/readyz')).status === 200);
  }
  /** kill -9 of loded. */
  async kill() {
    assert.equal((await this.loded.end('SIGKILL')).signal, 'SIGKILL');
    this.#forget();
  }
  /** kill -9 of a lode-miner. */
  async killAgent(entry) {
    assert.equal((await entry.agent.end('SIGKILL')).signal, 'SIGKILL');
  }
  #forget() {
    for (const client of this.#clients) client.close();
    this.#clients = [];
  }

  /** Resolves when the slot of this miner is offered, or not. */
  slotIs(entry, wanted, { within = 30_000, api = this.api } = {}) {
    return until(`miner ${this.agents.indexOf(entry)} is ${wanted}`, () => this.#slotIs(entry, wanted, api), {
      within,
    });
  }
  async #slotIs(entry, wanted, api) {
    return (await api.slots()).get(entry.hotkey) === wanted;
  }

  /** Sends the request to rent this miner, without waiting for what comes of it. */
  request(entry, docker = {}, api = this.api) {
    const body = { ssh_key: this.key.line, ...docker };
    return api.allocateHotkey(entry.hotkey, { body, timeout: 120_000 });
  }
  /** Rents this miner once its slot is offered. */
  async rent(entry, docker) {
    await this.slotIs(entry, 'available');
    const allocation = succeeded(await this.request(entry, docker), 'Resource was successfully allocated');
    assert.equal(allocation.hotkey, entry.hotkey);
    return allocation;
  }

  /** Its renter gets in, by key and by password, and finds the host that was there before. */
  async works(allocation) {
    const byKey = await this.renter.byKey(allocation, this.key, 'echo here');
    assert.equal(byKey.stdout, 'here\n', byKey.stderr);
    const byPassword = await this.renter.byPassword(allocation, allocation.ssh_password, 'id -un', { known: true });
    assert.equal(byPassword.stdout, 'root\n', byPassword.stderr);
  }

  /**
   * I1 and I3, once things have come to rest: each hotkey at most once, and the engine's containers are exactly those
   * of the allocations. Returns the allocations.
   */
  async settles({ within = 40_000 } = {}) {
    let problem = '';
    try {
      return await until(
        'rest',
        async () => {
          const list = await this.api.allocations();
          problem = await this.#difference(list);
          return problem ? null : list;
        },
        { within, every: 100 },
      );
    } catch (error) {
      throw new Error(problem || error.message);
    }
  }

  async #difference(list) {
    const held = new Map(list.map((a) => [a.hotkey, a]));
    if (held.size !== list.length) throw new Error('a hotkey is listed twice');
    for (const [i, { hotkey }] of this.agents.entries()) {
      const containers = await engine.containersOf(hotkey);
      const allocation = held.get(hotkey);
      const names = containers.map((c) => `${c.Names[0]} (${c.State})`).join(', ');
      if (allocation && containers.length !== 1) return `miner ${i} is rented and has these containers: ${names}`;
      if (!allocation && containers.length !== 0) return `miner ${i} has containers that nobody rents: ${names}`;
      if (allocation) {
        const { HostConfig: host } = await engine.inspect(containers[0].Id);
        if (host.PortBindings['22/tcp'][0].HostPort !== String(allocation.ssh_port))
          return `miner ${i} has a container on another port than that of its allocation`;
      } else if ((await engine.imagesOf(hotkey)).length > 0) {
        return `miner ${i} has an image that nobody rents`;
      }
    }
    return null;
  }

  /** Gives everything back; then nothing of ours is left in the engine and every slot is offered. */
  async giveAllBack() {
    for (const allocation of await this.settles()) {
      succeeded(await this.api.deallocate(allocation), 'Resource deallocated successfully.');
      assert.equal(await bannerOf(allocation), undefined, 'its port is free');
    }
    assert.deepEqual(await this.settles(), []);
    for (const entry of this.agents) await this.slotIs(entry, 'available');
  }

  programs() {
    return [...this.daemons, ...this.agents.map(({ agent }) => agent)];
  }

  /** The checks of the end, see above. */
  async finish() {
    await this.giveAllBack();
    for (const program of this.programs()) {
      if (program.running)
        assert.deepEqual(await program.end('SIGTERM'), { code: 0, signal: null }, `${program.name} stops gracefully`);
    }
    for (const program of this.programs()) {
      program.lines();
      for (const secret of this.#secrets)
        assert.ok(!(program.stdout + program.stderr).includes(secret), `a secret is in the output of ${program.name}`);
      assert.ok(!/PRIVATE KEY/.test(program.stderr), `a private key is in the log of ${program.name}`);
    }
  }

  async destroy() {
    this.#forget();
    for (const program of this.programs()) await program.destroy();
    for (const proxy of this.proxies) await proxy.close();
    for (const { hotkey } of this.agents)
      for (const container of await engine.containersOf(hotkey).catch(() => [])) await engine.remove(container.Id);
    await fs.rm(this.dir, { recursive: true, force: true });
  }

  /** What happened, for the report of a failed test. */
  report() {
    return this.programs()
      .flatMap((program) => {
        const lines = program.stderr.split('\n');
        return [`--- log of ${program.name}, last of ${lines.length} lines`, ...lines.slice(-100)];
      })
      .join('\n');
  }
}

/** A test on a stage of its own, with the checks of the end. */
export const onStage = (name, options, body) =>
  test(name, async (t) => {
    const stage = await Stage.create(options);
    try {
      await body(stage, t);
      await stage.finish();
    } catch (error) {
      console.error(stage.report());
      throw error;
    } finally {
      await stage.destroy();
    }
  });
