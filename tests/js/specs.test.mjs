// `lode-miner specs`: the real program, its figures against /proc, its GPUs by way of a stand-in for the driver's library.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, statfs } from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';

const { LODE_MINER, FAKE_NVML, FAKE_NVML_INCOMPLETE } = process.env;
for (const name of ['LODE_MINER', 'FAKE_NVML', 'FAKE_NVML_INCOMPLETE'])
  if (!process.env[name]) throw new Error(`${name} must be set; ctest does`);

let folder;
before(async () => (folder = await mkdtemp(path.join(os.tmpdir(), 'lode-specs-'))));
after(() => rm(folder, { recursive: true }));

/** Runs `lode-miner specs`; `library` is the folder of a libnvidia-ml.so.1. */
async function specs({ library = folder, fails, flags = [], socket = path.join(folder, 'nobody.sock') } = {}) {
  const env = { PATH: process.env.PATH, LD_LIBRARY_PATH: library };
  if (fails) env.FAKE_NVML_FAILS = fails;
  const child = spawn(LODE_MINER, ['--engine.socket', socket, ...flags, 'specs'], { env, cwd: folder, timeout: 20_000 });
  let out = '';
  let log = '';
  child.stdout.on('data', (data) => (out += data));
  child.stderr.on('data', (data) => (log += data));
  const [code] = await once(child, 'close');
  assert.equal(code, 0, log);
  assert.match(out, /^[^\n]*\n$/, 'one line and nothing else');
  return { ...JSON.parse(out), log };
}

const noGpu = { count: 0, capacity: 0, details: [] };
const a5000 = { name: 'NVIDIA RTX A5000', capacity: 24576 };
const h100 = { name: 'NVIDIA H100 80GB HBM3', capacity: 81920 };

async function memory(key) {
  const line = (await readFile('/proc/meminfo', 'utf8')).match(new RegExp(`^${key}: +([0-9]+) kB$`, 'm'));
  return Number(line[1]) * 1024;
}

describe('lode-miner specs', () => {
  it('has the fields of the protocol', async () => {
    const { log, ...found } = await specs();
    assert.equal(log, '');
    assert.deepEqual(Object.keys(found).sort(), ['cpu', 'gpu', 'hard_disk', 'has_docker', 'ram']);
    assert.deepEqual(Object.keys(found.cpu).sort(), ['count', 'model']);
    assert.deepEqual(Object.keys(found.ram).sort(), ['available', 'total']);
    assert.deepEqual(Object.keys(found.hard_disk).sort(), ['free', 'total']);
    for (const figure of [found.cpu.count, ...Object.values(found.ram), ...Object.values(found.hard_disk)])
      assert.ok(Number.isSafeInteger(figure) && figure > 0, JSON.stringify(found));
  });

  it('says what /proc and the file system say', async () => {
    const found = await specs();
    assert.equal(found.ram.total, await memory('MemTotal'));
    // Other processes come and go, so only the order of magnitude holds.
    assert.ok(Math.abs(found.ram.available - (await memory('MemAvailable'))) < found.ram.total / 2);
    assert.ok(found.ram.available <= found.ram.total);

    const [, list] = (await readFile('/proc/self/status', 'utf8')).match(/^Cpus_allowed_list:\t(.*)$/m);
    const ranges = list.split(',').map((range) => range.split('-').map(Number));
    assert.equal(
      found.cpu.count,
      ranges.reduce((sum, [first, last = first]) => sum + last - first + 1, 0)
    );
    const model = (await readFile('/proc/cpuinfo', 'utf8')).match(/^model name\t*: (.*)$/m);
    assert.equal(found.cpu.model, model ? model[1] : 'unknown');

    const disk = await statfs('/');
    assert.equal(found.hard_disk.total, disk.blocks * disk.bsize);
    assert.ok(found.hard_disk.free <= found.hard_disk.total);
  });

  it('counts only the CPUs that it may use', async () => {
    const [, first] = (await readFile('/proc/self/status', 'utf8')).match(/^Cpus_allowed_list:\t([0-9]+)/m);
    const child = spawn('taskset', ['-c', first, LODE_MINER, 'specs'], { cwd: folder, env: { PATH: process.env.PATH } });
    let out = '';
    child.stdout.on('data', (data) => (out += data));
    const [code] = await once(child, 'close');
    assert.equal(code, 0);
    assert.equal(JSON.parse(out).cpu.count, 1);
  });

  it('has_docker: whether an engine answers on the socket', async () => {
    assert.equal((await specs()).has_docker, false);
    const asked = [];
    const engine = http.createServer((request, reply) => {
      asked.push(request.url);
      reply.end('OK');
    });
    const socket = path.join(folder, 'engine.sock');
    engine.listen(socket);
    await once(engine, 'listening');
    try {
      assert.equal((await specs({ socket })).has_docker, true);
    } finally {
      engine.close();
    }
    assert.equal(asked.length, 1);
    assert.match(asked[0], /\/_ping$/);
  });
});

describe("GPUs, by way of the driver's library", () => {
  it('counts the cards and adds up their memory in MiB', async () => {
    const { gpu, log } = await specs({ library: FAKE_NVML });
    assert.deepEqual(gpu, { count: 2, capacity: 24576 + 81920, details: [a5000, h100] });
    assert.equal(log, '');
  });

  it('container.gpu = none: offers none', async () => {
    assert.deepEqual((await specs({ library: FAKE_NVML, flags: ['--container.gpu', 'none'] })).gpu, noGpu);
  });

  it('leaves out a card that does not answer, and says so', async () => {
    const { gpu, log } = await specs({ library: FAKE_NVML, fails: 'card 0' });
    assert.deepEqual(gpu, { count: 1, capacity: 81920, details: [h100] });
    assert.match(log, /GPU 0 does not answer/);
  });

  for (const call of ['init', 'count', 'handle', 'name', 'memory', 'minor'])
    it(`no GPU when ${call} fails`, async () => {
      assert.deepEqual((await specs({ library: FAKE_NVML, fails: call })).gpu, noGpu);
    });

  it('no GPU with a library that lacks a function', async () => {
    assert.deepEqual((await specs({ library: FAKE_NVML_INCOMPLETE })).gpu, noGpu);
  });

  it('no GPU without the library', async () => {
    assert.deepEqual((await specs()).gpu, noGpu);
  });
});
