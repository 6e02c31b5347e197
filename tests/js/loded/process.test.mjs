// The daemon as a process: overload, the graceful end, the restart, the command line, the log.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { failed, sshKey, succeeded } from '../lib/replies.mjs';
import { runToEnd } from '../lib/loded.mjs';
import { soon, until } from '../lib/wait.mjs';
import { withWorld } from '../lib/world.mjs';

const made = 'Resource was successfully allocated';

/** Whether anybody accepts a connection at `url`. */
async function accepts(url) {
  const { hostname, port } = new URL(url);
  const socket = net.connect(Number(port), hostname);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

withWorld('overload: at once 503 with retry-after, while what is under way completes',
  { miners: 2, settings: { 'http.max-in-flight': 2 } },
  async (world) => {
    const { api, axons } = world;
    const held = axons.map((axon) => axon.setHabit('check', { kind: 'hold' }, { times: 1 }));
    const asked = axons.map((axon) => api.allocateHotkey(axon.hotkey));
    await Promise.all(held.map((h) => h.arrived));
    const began = Date.now();
    const paths = ['/', '/healthz', '/readyz'];
    const turned = await Promise.all(Array.from({ length: 60 }, (_, i) => api.get(paths[i % 3])));
    for (const reply of turned) {
      failed(reply, 503);
      assert.match(reply.headers['retry-after'], /^\d+$/);
    }
    assert.ok(Date.now() - began < 2000, 'nobody waited for the others');
    failed(await api.allocateSpec(), 503);
    for (const h of held) h.release();
    for (const reply of await Promise.all(asked)) await api.deallocate(succeeded(reply, made));
    assert.equal((await api.get('/healthz')).status, 200);
  });

withWorld('more connections than allowed: 503, and the others go on', { settings: { 'http.max-connections': 4 } },
  async (world) => {
    const sockets = [];
    try {
      const { hostname, port } = new URL(world.loded.url);
      // The client of the harness keeps one.
      for (let i = 0; i < 3; ++i) {
        const socket = net.connect(Number(port), hostname);
        sockets.push(socket);
        await once(socket, 'connect');
        socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
        assert.match(String((await soon('an answer', once(socket, 'data')))[0]), /^HTTP\/1\.1 200/);
      }
      const one = net.connect(Number(port), hostname);
      sockets.push(one);
      const [text] = await soon('an answer', once(one, 'data'));
      assert.match(String(text), /^HTTP\/1\.1 503/);
      assert.match(String(text), /retry-after/i);
      assert.equal((await world.api.get('/healthz')).status, 200);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });

withWorld('SIGTERM while a registration is under way: it is finished, then the process ends with 0', { miners: 1 },
  async (world) => {
    const [axon] = world.axons;
    const held = axon.setHabit('register', { kind: 'hold' }, { times: 1 });
    const asking = world.api.allocateSpec();
    await held.arrived;
    world.loded.signal('SIGTERM');
    await until('new connections are refused', async () => !(await accepts(world.loded.url)));
    held.release();
    const mine = succeeded(await asking, made);
    assert.deepEqual(await world.loded.ended(), { code: 0, signal: null });
    await world.restart();
    assert.deepEqual(await world.settles(), [mine]);
  });

withWorld('SIGTERM while a miner does not answer: the process ends within its bound, the next start undoes it',
  { miners: 1, settings: { 'http.stop-timeout-ms': 500, 'allocation.register-timeout-ms': 60_000 } },
  async (world) => {
    const [axon] = world.axons;
    const held = axon.setHabit('register', { kind: 'hold', acted: true }, { times: 1 });
    const asking = world.api.allocateSpec().then(
      (reply) => reply.status,
      () => 'closed',
    );
    await held.arrived;
    assert.ok(axon.container());
    const end = await world.loded.end('SIGTERM', 14_000);
    assert.deepEqual(end, { code: 0, signal: null });
    assert.ok([503, 404, 'closed'].includes(await asking), 'and its client is not told of a success');
    held.release();
    await world.restart();
    await world.slotIs(axon.hotkey, 'available');
    assert.deepEqual(await world.settles(), []);
  });

withWorld('a second signal ends the process at once, and nothing is lost',
  { miners: 2, settings: { 'http.stop-timeout-ms': 60_000, 'allocation.register-timeout-ms': 60_000 } },
  async (world) => {
    const { api, axons } = world;
    const mine = succeeded(await api.allocateHotkey(axons[0].hotkey), made);
    const held = axons[1].setHabit('register', { kind: 'hold', acted: true }, { times: 1 });
    const asking = api.allocateSpec().catch(() => 'closed');
    await held.arrived;
    world.loded.signal('SIGINT');
    await until('new connections are refused', async () => !(await accepts(world.loded.url)));
    assert.ok(world.loded.running, 'it waits for what is under way');
    world.loded.signal('SIGTERM');
    const { code } = await world.loded.ended(3000);
    assert.notEqual(code, 0);
    assert.equal(await asking, 'closed');
    held.release();
    await world.restart();
    assert.deepEqual(await world.settles(), [mine]);
  });

withWorld('a restart finds everything', { miners: 4 }, async (world) => {
  const { axons } = world;
  const mine = [];
  for (const axon of axons) mine.push(succeeded(await world.api.allocateHotkey(axon.hotkey), made));
  succeeded(await world.api.act('pause_docker', mine[1]), 'Resource paused successfully.');
  mine[1].state = 'paused';
  axons[2].setHabit('deregister', { kind: 'close' });
  succeeded(await world.api.deallocate(mine[2]), 'Resource deallocated successfully.');
  await world.stop();
  await world.start();
  const byHotkey = (a, b) => (a.hotkey < b.hotkey ? -1 : 1);
  const left = [mine[0], mine[1], mine[3]];
  assert.deepEqual((await world.api.allocations()).sort(byHotkey), left.sort(byHotkey));
  assert.equal((await world.api.slots()).get(axons[2].hotkey), 'reserved', 'its release is not forgotten');
  axons[2].clearHabits();
  await world.slotIs(axons[2].hotkey, 'available');
  succeeded(await world.api.act('unpause_docker', mine[1]), 'Resource unpaused successfully.');
  for (const allocation of left) succeeded(await world.api.deallocate(allocation), 'Resource deallocated successfully.');
});

/** The lines of log that name the request `id`, by who wrote them. */
const trace = (world, id) => {
  const messages = world.loded.lines().filter((line) => line.request_id === id).map((line) => line.msg);
  return {
    edge: messages.filter((msg) => / (GET|POST) \/\S* \d{3} [\d.]+ ms$/.test(msg)),
    actors: messages.filter((msg) => /^(allocation|allocate_\w+|registry|miner) ?\S*: /.test(msg)),
    link: messages.filter((msg) => /^\w+ to \S+: .* after \d+ ms/.test(msg)),
  };
};

withWorld('one request id through HTTP, actors and links', { miners: 1, settings: { 'log.level': 'debug' } },
  async (world) => {
    const id = 'trace-me-0815';
    const [axon] = world.axons;
    axon.setHabit('register', { kind: 'refuse' }, { times: 1 });
    const reply = await world.api.allocateSpec({}, {}, { headers: { 'x-request-id': id } });
    assert.equal(reply.status, 404);
    assert.equal(reply.headers['x-request-id'], id);
    await until('the edge names it', () => trace(world, id).edge.length > 0);
    const { edge, actors, link } = trace(world, id);
    assert.match(edge[0], /POST \/service\/allocate_spec 404 /);
    assert.ok(actors.some((msg) => msg.startsWith(`allocation ${axon.hotkey}: `)), `the allocation: ${actors}`);
    assert.ok(actors.some((msg) => msg.startsWith('allocate_spec: ')), `the registry: ${actors}`);
    assert.ok(link.some((msg) => msg.startsWith(`register to ${axon.hotkey}: `)), `the link: ${link}`);
    for (const line of world.loded.lines()) {
      assert.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.ok(['trace', 'debug', 'info', 'warning', 'warn', 'error', 'critical'].includes(line.level), line.level);
      assert.equal(typeof line.msg, 'string');
    }
  });

withWorld('each request of an allocation goes to the miner under its own id',
  { miners: 1, settings: { 'log.level': 'debug' } },
  async (world) => {
    const { api, axons: [axon] } = world;
    const headers = (id) => ({ headers: { 'x-request-id': id } });
    const mine = succeeded(await api.allocateSpec({}, {}, headers('id-of-allocate')), made);
    const query = { hotkey: mine.hotkey, uuid_key: mine.uuid_key };
    // The miner's word for what was asked, and the request's path.
    const asked = [
      ['restart', 'restart_docker', {}],
      ['pause', 'pause_docker', {}],
      ['unpause', 'unpause_docker', {}],
      ['exchange_key', 'exchange_docker_key', { ssh_key: sshKey() }],
      ['deregister', 'deallocate', {}],
    ];
    for (const [action, path, more] of asked) {
      const id = `id-of-${action}`;
      const reply = await api.post(`/service/${path}`, { query: { ...query, ...more }, ...headers(id) });
      assert.equal(reply.status, 200, `${path}: ${reply.text}`);
      await until(`the edge names ${id}`, () => trace(world, id).edge.length > 0);
      const { edge, actors, link } = trace(world, id);
      assert.match(edge[0], new RegExp(`POST /service/${path} 200 `));
      assert.ok(actors.some((msg) => msg.startsWith(`allocation ${axon.hotkey}: `)), `${action}, the allocation: ${actors}`);
      assert.deepEqual(link.map((msg) => msg.split(' ')[0]), [action], 'its call, and nobody else\'s');
    }
    const registered = trace(world, 'id-of-allocate').link.map((msg) => msg.split(' ')[0]);
    assert.ok(registered.includes('register'), `${registered}`);
    for (const [action] of asked) assert.ok(!registered.includes(action), `${action} goes under the allocation's id`);
  });

withWorld("a store that another process holds is said so, and is not touched", { miners: 1 }, async (world) => {
  const mine = succeeded(await world.api.allocateSpec(), made);
  const data = path.join(world.dir, 'data');
  const second = await runToEnd(['--http.listen=127.0.0.1:0', `--storage.path=${data}`, '--miners.simulated=1']);
  assert.equal(second.signal, null);
  assert.notEqual(second.code, 0);
  assert.equal(second.stdout, '');
  assert.ok(second.stderr.includes(data), second.stderr);
  assert.match(second.stderr, /another process|in use|locked|held/i);
  assert.deepEqual(await world.api.allocations(), [mine]);
});

test('the command line', async (t) => {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'lode-test-'));
  t.after(() => fs.rm(dir, { recursive: true, force: true }));
  const file = async (name, text) => {
    const at = path.join(dir, name);
    await fs.writeFile(at, text);
    return at;
  };

  await t.test('--help names every setting', async () => {
    const { code, stdout } = await runToEnd(['--help']);
    assert.equal(code, 0);
    for (const name of [
      'config', 'print-config', 'check-config', 'http.listen', 'storage.path', 'miners.file', 'miners.simulated',
      'miners.simulated-latency-ms', 'miners.simulated-failure-rate', 'miners.simulated-seed', 'wallet.hotkey-file',
      'jobs.allocation-check-seconds', 'jobs.allocation-check-misses', 'notify.deallocation-url', 'notify.status-url',
      'notify.retry-seconds', 'notify.retry-max-seconds', 'notify.secret-file', 'notify.ca-file', 'notify.client-cert-file',
      'notify.client-key-file', 'notify.keep-days', 'notify.status-every-check',
    ])
      assert.ok(stdout.includes(`--${name}`), name);
  });

  await t.test('--print-config shows what is in force, secrets masked', async () => {
    const config = await file('good.toml', '[notify]\nstatus-url = "https://u:hunter2@example.org/token-of-file"\n');
    const { code, stdout, stderr } = await runToEnd(
      ['--print-config', `--config=${config}`, '--notify.deallocation-url=https://example.org/token-of-flag'],
      { env: { LODE_HTTP_LISTEN: '127.0.0.1:9999' } },
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /listen = "127\.0\.0\.1:9999"/);
    assert.match(stdout, /deallocation-url = "\*\*\*"/);
    assert.match(stdout, /status-url = "\*\*\*"/);
    assert.doesNotMatch(stdout + stderr, /token-of|hunter2/);
    const again = await file('printed.toml', stdout.replace(/^(deallocation|status)-url.*$/gm, ''));
    assert.equal((await runToEnd(['--check-config', `--config=${again}`])).code, 0, 'what is printed can be read back');
  });

  await t.test('--check-config', async () => {
    const good = await file('fine.toml', '[http]\nlisten = "127.0.0.1:0"\n[jobs]\nallocation-check-seconds = 5\n');
    assert.equal((await runToEnd(['--check-config', `--config=${good}`])).code, 0);
    const bad = await file('bad.toml', '[http]\nlisten = "127.0.0.1:0"\n\n[jobs]\nallocation-check-secs = 5\n');
    const { code, stderr } = await runToEnd(['--check-config', `--config=${bad}`]);
    assert.equal(code, 2);
    assert.match(stderr, /bad\.toml:5/, 'file and line');
    assert.match(stderr, /allocation-check-secs/);
  });

  await t.test('unknown keys and bad values end with 2 and say what was expected', async () => {
    const toml = (name, text) => file(name, text).then((at) => `--config=${at}`);
    const cases = [
      [['--no.such-flag=1'], /no\.such-flag/],
      [['--http.max-in-flight=many'], /max-in-flight/],
      [['--http.max-in-flight=0'], /max-in-flight/],
      [['--http.listen=nowhere'], /http\.listen/],
      [['--placement.policy=magic'], /best-fit/],
      [['stray'], /stray/],
      [[await toml('a.toml', '[http]\nmax-in-flight = "many"\n')], /a\.toml:2/],
      [[await toml('b.toml', '[http\n')], /b\.toml:1/],
      [[`--config=${path.join(dir, 'absent.toml')}`], /absent\.toml/],
    ];
    for (const [args, pattern] of cases) {
      const { code, stderr, stdout } = await runToEnd([...args, `--storage.path=${path.join(dir, 'never')}`]);
      assert.equal(code, 2, `${args}: ${stderr}`);
      assert.match(stderr, pattern);
      assert.equal(stdout, '');
    }
    await assert.rejects(fs.stat(path.join(dir, 'never')), 'nothing was made');
  });

  await t.test('a start that cannot succeed says why and fails', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const taken = `127.0.0.1:${server.address().port}`;
    const miners = await file('miners.json', '{"miners":[]}');
    const notAKey = await file('key', '{"secretSeed":"0x00"}');
    const cases = [
      [['--miners.simulated=1', `--http.listen=${taken}`], /listen/],
      [[`--miners.file=${miners}`], /hotkey/],
      [[`--miners.file=${miners}`, `--wallet.hotkey-file=${path.join(dir, 'absent')}`], /absent/],
      [[`--miners.file=${miners}`, `--wallet.hotkey-file=${notAKey}`], /key/],
      [['--miners.simulated=1', `--storage.path=${notAKey}`], /key/],
    ];
    for (const [i, [args, pattern]] of cases.entries()) {
      const defaults = [`--storage.path=${path.join(dir, `data${i}`)}`, '--http.listen=127.0.0.1:0'];
      const isGiven = (flag) => args.some((arg) => arg.startsWith(`${flag.split('=')[0]}=`));
      const { code, signal, stderr } = await runToEnd([...defaults.filter((flag) => !isGiven(flag)), ...args]);
      assert.equal(signal, null, stderr);
      assert.ok(code > 0, `${args}`);
      assert.match(stderr, pattern);
    }
  });
});
