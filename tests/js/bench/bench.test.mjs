// The real lode-bench: against the real loded, plain and over TLS with client certificates and keys, and against servers
// that cheat. Its program is the one that the environment variable LODE_BENCH names.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { Certs } from '../lib/certs.mjs';
import { Client } from '../lib/client.mjs';
import { Loded, program as loded, runToEnd } from '../lib/loded.mjs';
import { soon, until } from '../lib/wait.mjs';

const program = process.env.LODE_BENCH;
if (!program) throw new Error('LODE_BENCH must name the program to test');

/** Runs body(dir) with a folder of its own, which is also where temporary files go. */
const withFolder = (name, body) => test(name, async () => {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'lode-bench-test-'));
  try {
    await body(dir);
  } finally {
    await fs.rm(dir, { recursive: true, force: true });
  }
});

function start(dir, args, env = {}) {
  const { PATH, HOME } = process.env;
  const child = spawn(program, args, { env: { PATH, HOME, TMPDIR: dir, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const out = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (out.stdout += chunk));
  child.stderr.on('data', (chunk) => (out.stderr += chunk));
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...out }));
  return { child, out, ended: () => soon(`lode-bench ${args.join(' ')}`, ended, 90_000) };
}
const bench = (dir, args, env) => start(dir, args, env).ended();

/** Runs body(daemon) with a loded on simulated miners. */
async function withLoded(dir, settings, body) {
  const daemon = new Loded({ 'http.listen': '127.0.0.1:0', 'storage.path': path.join(dir, 'data'), 'miners.simulated': 64, 'forge.pool': 4, ...settings });
  await daemon.start();
  try {
    await body(daemon);
    assert.deepEqual(await daemon.end('SIGTERM'), { code: 0, signal: null });
  } finally {
    await daemon.destroy();
  }
}

/** A server that grants allocations as `allocate` says; the rest is right. */
async function withServer(allocate, body) {
  const hotkey = (n) => `5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1rep${String(1000000 + n).replaceAll('0', 'z')}`;
  const state = { live: new Map(), granted: 0, hotkey };
  const server = http.createServer((req, res) => {
    const url = new URL(req.url, 'http://x');
    const say = (status, body) => res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    let text = '';
    req.on('data', (chunk) => (text += chunk));
    req.on('end', () => {
      if (url.pathname === '/service/allocate_spec') {
        const given = allocate(state);
        state.live.set(given.uuid_key, { ...given, ssh_key: JSON.parse(text).docker_requirement.ssh_key });
        return say(200, { success: true, message: '', data: { ...given, ssh_ip: '203.0.113.1', ssh_port: 22 } });
      }
      if (url.pathname === '/service/deallocate')
        return state.live.delete(url.searchParams.get('uuid_key')) ? say(200, { success: true, message: '' }) : say(404, { success: false });
      // As the original does: everything, whatever page is asked for.
      if (url.pathname === '/list/allocations_sql')
        return state.live.size ? say(200, { success: true, message: '', data: [...state.live.values()] }) : say(404, { success: false });
      return say(404, { success: false });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await body(`http://127.0.0.1:${server.address().port}`, state);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

withFolder('an open loop on a loded of its own: report, plots, comparison; nothing stays behind', async (dir) => {
  const scenario = path.join(dir, 'small.toml');
  await fs.writeFile(scenario, `
summary = "small"
# On a busy machine two may want one miner.
allow = ["404"]
[load]
mode = "open"
connections = 16
warmup = 0.2
[[phase]]
kind = "constant"
rate = 60
seconds = 5
[[phase]]
kind = "pause"
seconds = 1
[[mix]]
op = "pairs"
weight = 3
hold = [0.05, 0.3]
[[mix]]
op = "pause"
[[mix]]
op = "hotkey"
[[mix]]
op = "list"
page-size = 10
pages = 3
filter = { cpu_count_min = 1 }
[[mix]]
op = "status"
hotkeys = 3
[server]
miners.simulated = 200
`);
  const report = path.join(dir, 'a.json');
  const ran = await bench(dir, ['--scenario', scenario, '--start-loded', loded, '--server', 'forge.pool=4', '--threads', '2',
    '--report', report, '--svg', path.join(dir, 'plots'), '--progress', 'plain']);
  assert.equal(ran.code, 0, ran.stderr + ran.stdout);
  assert.match(ran.stdout, /^small: open loop, Poisson arrivals, 60\/s at most, 16 connections, 2 threads/);
  assert.match(ran.stderr, /in flight/);
  const a = JSON.parse(await fs.readFile(report, 'utf8'));
  assert.equal(a.schema, 'lode-bench.run/1');
  assert.equal(a.checks.violation_count, 0);
  assert.equal(a.checks.left_behind, 0);
  assert.equal(a.checks.listing_compared, 2, 'in the pause and at the end');
  assert.ok(a.offered > 200 && a.offered < 400, `${a.offered} in 5 s at 60/s`);
  for (const kind of ['allocate', 'allocate_hotkey', 'deallocate', 'pause', 'unpause', 'list', 'status'])
    assert.ok(a.requests[kind].outcomes.ok > 0, kind);
  const { count, buckets } = a.requests.allocate.response.ok;
  assert.equal(buckets.reduce((sum, [, n]) => sum + n, 0), count);
  assert.equal(a.scenario.server['miners.simulated'], '200');
  assert.deepEqual((await fs.readdir(path.join(dir, 'plots'))).sort(), ['latency.svg', 'throughput.svg']);
  assert.deepEqual((await fs.readdir(dir)).sort(), ['a.json', 'plots', 'small.toml'], 'its storage is gone');

  const same = await bench(dir, ['compare', report, report, '-o', 'json']);
  assert.equal(same.code, 0, same.stderr);
  assert.equal(JSON.parse(same.stdout).regression, false);
  for (const one of Object.values(a.series.kinds)) one.p99_ms = one.p99_ms.map((ms) => ms * 3);
  const slow = path.join(dir, 'b.json');
  await fs.writeFile(slow, JSON.stringify(a));
  const worse = await bench(dir, ['compare', report, slow]);
  assert.equal(worse.code, 1);
  assert.match(worse.stdout, /allocate p99 ms .*\+200.0% .* worse/);
  assert.equal((await bench(dir, ['plot', slow, path.join(dir, 'again')])).code, 0);
  assert.equal((await bench(dir, ['compare', report, scenario])).code, 2);
});

withFolder('over TLS, with a client certificate and an API key, which is on no report', async (dir) => {
  const certs = new Certs();
  try {
    const data = path.join(dir, 'data');
    const made = await runToEnd([`--storage.path=${data}`, '--add-admin-key', 'root']);
    assert.equal(made.code, 0, made.stderr);
    const key = made.stdout.trim();
    await withLoded(dir, certs.settings('required'), async (daemon) => {
      const report = path.join(dir, 'tls.json');
      const flags = ['--url', daemon.url, '--rate', '50', '--seconds', '1', '--warmup-seconds', '0', '--allow', '404', '--report', report];
      const known = ['--ca', certs.file('ca.crt'), '--cert', certs.file('client.crt'), '--key', certs.file('client.key')];
      const ran = await bench(dir, [...flags, ...known], { LODE_KEY: key });
      assert.equal(ran.code, 0, ran.stderr);
      const text = await fs.readFile(report, 'utf8');
      assert.ok(JSON.parse(text).pairs > 0);
      assert.ok(!(text + ran.stdout + ran.stderr).includes(key));

      const refused = await bench(dir, [...flags, ...known]);
      assert.equal(refused.code, 1);
      assert.match(refused.stdout, /allocate 401/);
      const stranger = await bench(dir, [...flags, ...known.slice(0, 2)], { LODE_KEY: key });
      assert.equal(stranger.code, 1);
      assert.match(stranger.stderr, /--cert, --key/);
      const untrusted = await bench(dir, [...flags, ...known.slice(2)], { LODE_KEY: key });
      assert.equal(untrusted.code, 1);
      assert.match(untrusted.stderr, /certificate verify failed/);
      const insecure = await bench(dir, [...flags, ...known.slice(2), '--insecure'], { LODE_KEY: key });
      assert.equal(insecure.code, 0, insecure.stderr);
      assert.match(insecure.stderr, /--insecure: whoever answers/);
      assert.equal(JSON.parse(await fs.readFile(report, 'utf8')).target.insecure, true);
    });
  } finally {
    certs.remove();
  }
});

withFolder('Ctrl-C gives back what is held', async (dir) => {
  await withLoded(dir, {}, async (daemon) => {
    const api = new Client(daemon.url);
    const list = async () => (await api.post('/list/allocations_sql')).json.data;
    const run = start(dir, ['--url', daemon.url, '--concurrency', '10', '--hold-ms', '600000', '--seconds', '600']);
    await until('ten are held', async () => (await list()).length === 10);
    run.child.kill('SIGINT');
    const { code, stderr } = await run.ended();
    assert.equal(code, 130, stderr);
    assert.equal((await api.post('/list/allocations_sql')).status, 404);
    api.close();
  });
});

withFolder('a server that is right but knows neither pages nor states is fine', async (dir) => {
  let free = 0;
  await withServer((s) => ({ hotkey: s.hotkey(free++ % 1000), uuid_key: randomUUID() }), async (url, state) => {
    const ran = await bench(dir, ['--url', url, '--rate', '200', '--seconds', '1', '--warmup-seconds', '0', '--hold-ms', '20']);
    assert.equal(ran.code, 0, ran.stderr + ran.stdout);
    assert.equal(state.live.size, 0);
  });
});

withFolder('a server that grants one miner twice fails the run, which names both operations', async (dir) => {
  await withServer((s) => ({ hotkey: s.hotkey(7), uuid_key: randomUUID() }), async (url, state) => {
    const ran = await bench(dir, ['--url', url, '--concurrency', '2', '--hold-ms', '200', '--seconds', '30', '--json']);
    assert.equal(ran.code, 1, ran.stderr);
    const { violation } = JSON.parse(ran.stdout);
    assert.match(violation, /^miner 5F3sa\S+ was given to operation \d+ \(allocate, asked at .* while operation \d+ \(allocate, .* holds it$/);
    assert.equal(state.live.size, 0, 'both were given back');
  });
});

withFolder('a sweep finds a knee; what cannot be understood is said with file and line', async (dir) => {
  const ran = await bench(dir, ['sweep', '--start-loded', loded, '--rates', '20,40', '--step-seconds', '0.5', '--json', '--scenario', 'saturation']);
  assert.equal(ran.code, 0, ran.stderr);
  const sweep = JSON.parse(ran.stdout);
  assert.deepEqual(sweep.steps.map((s) => s.level), [20, 40]);
  assert.ok(sweep.half.p50_ms > 0);
  const file = path.join(dir, 'bad.toml');
  await fs.writeFile(file, '[load]\nmode = "ajar"\nspeed = 3\n');
  const bad = await bench(dir, ['--scenario', file]);
  assert.equal(bad.code, 2);
  assert.match(bad.stderr, /bad\.toml:2: load\.mode: expected one of "closed", "open"\n.*bad\.toml:3: unknown key load\.speed/);
  for (const args of [['--url', 'ftp://x'], ['--scenario', 'nothing'], ['fly'], ['--rate', '1', '--concurrency', '1'], ['compare', 'x']])
    assert.equal((await bench(dir, args)).code, 2, args.join(' '));
  for (const args of [['--help'], ['run', '--help'], ['sweep', '--help'], ['compare', '--help'], ['plot', '--help'], ['list']])
    assert.equal((await bench(dir, args)).code, 0, args.join(' '));
});
