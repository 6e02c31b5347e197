// SIGHUP: what can change live does, all of it or nothing; what cannot is named.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { Certs } from '../lib/certs.mjs';
import { Client } from '../lib/client.mjs';
import { Listener } from '../lib/listener.mjs';
import { Loded } from '../lib/loded.mjs';
import { until } from '../lib/wait.mjs';

const certs = new Certs();
after(() => certs.remove());

/** Runs body({api, daemon, hup, write, dir}); write(text) replaces the configuration file. */
const withConfig = (name, first, body, { tls, settings = {} } = {}) => test(name, async () => {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'lode-hup-'));
  const file = path.join(dir, 'loded.toml');
  const write = (text) => fs.writeFile(file, text.replaceAll('DIR', dir));
  await write(first);
  const daemon = new Loded({ config: file, 'http.listen': '127.0.0.1:0', 'storage.path': path.join(dir, 'data'), 'miners.simulated': 1, ...settings });
  let api;
  /** Sends the signal; resolves with the lines of log that say what became of it. */
  const hup = async (last) => {
    const before = daemon.lines().length;
    daemon.signal('SIGHUP');
    const fresh = () => daemon.lines().slice(before).filter((line) => line.msg.startsWith('SIGHUP: '));
    await until(`the log says ${last}`, () => fresh().some((line) => last.test(line.msg)));
    return fresh();
  };
  try {
    api = new Client(await daemon.start(), undefined, tls);
    await body({ api, daemon, hup, write, dir });
    assert.deepEqual(await daemon.end('SIGTERM'), { code: 0, signal: null });
  } catch (error) {
    console.error(daemon.stderr.split('\n').slice(-40).join('\n'));
    throw error;
  } finally {
    api?.close();
    await daemon.destroy();
    await fs.rm(dir, { recursive: true, force: true });
  }
});
const again = /settings were read again/;

withConfig('log level, access log and allow-list change under way', '', async ({ api, daemon, hup, write }) => {
  const seen = async (id) => {
    await api.get('/healthz', { headers: { 'x-request-id': id } });
    return daemon.lines().some((line) => line.request_id === id);
  };
  assert.equal(await seen('quiet'), false);
  await write('[log]\naccess = "all"\n');
  assert.match((await hup(again))[0].msg, /: log\.access$/);
  await until('it is in force', () => seen('loud'));
  await write('[log]\nlevel = "warn"\n[access]\nallow = ["192.0.2.1"]\n');
  daemon.signal('SIGHUP'); // what it says is no warning
  await until('the allow-list is in force', async () => (await api.get('/healthz')).status === 403);
  await write('');
  await hup(/: access\.allow, log\.level$/);
  assert.equal((await api.get('/healthz')).status, 200);
});

withConfig('a listener whose address may no longer come in is sent away', '[events]\nkeepalive-seconds = 1\n', async ({ daemon, hup, write }) => {
  const listener = await Listener.open(daemon.url);
  await until('a keepalive', () => listener.frames.length > 1);
  await write('[events]\nkeepalive-seconds = 1\n[access]\nallow = ["192.0.2.1"]\n');
  await hup(again);
  assert.deepEqual(await listener.end(), { code: 4403, reason: 'the address is not on the allow-list' });
});

withConfig('what needs a restart is named, each time, and is not taken up', '', async ({ api, hup, write }) => {
  await write('[http]\nmax-connections = 1\n[jobs]\nallocation-check-seconds = 7\n[log]\naccess = "off"\n');
  for (let i = 0; i < 2; ++i) {
    const lines = await hup(/only a restart/);
    assert.equal(lines.at(-1).level, 'warning');
    assert.match(lines.at(-1).msg, /: http\.max-connections, jobs\.allocation-check-seconds$/);
    assert.match(lines[0].msg, i === 0 ? /: log\.access$/ : /none of those that can change live is new/);
  }
  const others = await Promise.all(Array.from({ length: 3 }, () => api.get('/healthz')));
  assert.ok(others.every(({ status }) => status === 200), 'more than one connection');
});

withConfig('a bad file changes nothing, not even what is good in it', '[access]\nfailures-per-minute = 9\n', async ({ api, daemon, hup, write, dir }) => {
  const nothing = /nothing is changed/;
  await write('[log]\naccess = "all"\n[access]\nallow = ["nonsense"]\n');
  assert.match((await hup(nothing))[0].msg, /loded\.toml:4: access\.allow: expected addresses/);
  await write('[log\n');
  assert.match((await hup(nothing))[0].msg, /loded\.toml:1: not TOML/);
  await write('[access]\nallow = ["192.0.2.1"]\n[audit]\nfile = "DIR/absent/audit.log"\n');
  assert.match((await hup(nothing))[0].msg, /audit\.file .*absent/);
  await fs.rm(path.join(dir, 'loded.toml'));
  assert.match((await hup(nothing))[0].msg, /loded\.toml: cannot be read/);
  assert.equal((await api.get('/healthz')).status, 200);
  await write('[access]\nfailures-per-minute = 9\n');
  assert.match((await hup(again))[0].msg, /none of those/);
  assert.ok(daemon.running);
});

withConfig('the audit log is opened again, so that it can be rotated', '[audit]\nfile = "DIR/audit.log"\n', async ({ api, hup, dir }) => {
  const file = path.join(dir, 'audit.log');
  const call = (name) => api.post('/service/deallocate', { query: { hotkey: name, uuid_key: 'x' } });
  await call('5First');
  await fs.rename(file, `${file}.1`);
  await call('5Second');
  await hup(again);
  await until('the new file is written', async () => {
    await call('5Third');
    return (await fs.readFile(file, 'utf8')).includes('5Third');
  });
  const old = await fs.readFile(`${file}.1`, 'utf8');
  assert.ok(old.includes('5First') && old.includes('5Second'));
  assert.ok(!(await fs.readFile(file, 'utf8')).includes('5Second'));
});

withConfig('certificates are read again; broken ones are not taken', '', async ({ api, daemon, hup }) => {
  const serial = async () => {
    const probe = new Client(daemon.url, undefined, { ca: certs.read('ca.crt') });
    try {
      return (await probe.get('/healthz')).status;
    } finally {
      probe.close();
    }
  };
  assert.equal(await serial(), 200);
  const good = certs.read('server.crt');
  await fs.writeFile(certs.file('server.crt'), 'no certificate');
  assert.match((await hup(/nothing is changed/))[0].msg, /tls\.cert-file/);
  assert.equal(await serial(), 200);
  await fs.writeFile(certs.file('server.crt'), good);
  await hup(again);
  assert.equal(await serial(), 200);
  assert.equal((await api.get('/healthz')).status, 200);
}, { tls: certs.client(), settings: certs.settings() });
