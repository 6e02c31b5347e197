// Who may call: API keys over restarts, the allow-list, the limit of failures, the audit log, what is refused at start.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { Client } from '../lib/client.mjs';
import { Listener } from '../lib/listener.mjs';
import { Loded, runToEnd } from '../lib/loded.mjs';
import { refused, succeeded } from '../lib/replies.mjs';
import { soon, until } from '../lib/wait.mjs';

/** An error with this status and message; what its detail says is not looked at. */
const failed = (reply, status, message) => refused(reply, status, message, reply.json.err_detail);

const bearer = (key, more = {}) => ({ headers: { authorization: `Bearer ${key}`, ...more } });
const keyForm = /^lode_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;

/** Runs body({dir, daemon, start, api}) with a folder of its own; daemon is not started. */
const withDaemon = (name, settings, body) => test(name, async () => {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'lode-access-'));
  const given = typeof settings === 'function' ? settings(dir) : settings;
  const daemon = new Loded({ 'http.listen': '127.0.0.1:0', 'storage.path': path.join(dir, 'data'), 'miners.simulated': 3, ...given });
  const clients = [];
  const start = async () => {
    const api = new Client(await daemon.start());
    clients.push(api);
    await until('it is ready', async () => (await api.get('/readyz')).status !== 503);
    return api;
  };
  try {
    await body({ dir, daemon, start, data: path.join(dir, 'data') });
  } catch (error) {
    console.error(daemon.stderr.split('\n').slice(-40).join('\n'));
    throw error;
  } finally {
    for (const client of clients) client.close();
    await daemon.destroy();
    await fs.rm(dir, { recursive: true, force: true });
  }
});

async function firstKey(data) {
  const { code, stdout, stderr } = await runToEnd([`--storage.path=${data}`, '--add-admin-key', 'root']);
  assert.equal(code, 0, stderr);
  assert.match(stdout.trimEnd(), keyForm);
  assert.ok(!stderr.includes(stdout.trimEnd()));
  return stdout.trimEnd();
}
const add = async (api, key, name, role) =>
  succeeded(await api.post('/admin/keys/add', { query: { name, role }, ...bearer(key) }), 'Key was added.');

withDaemon('keys: made, used, listed, revoked, over a restart and a kill', {}, async ({ daemon, start, data }) => {
  const root = await firstKey(data);
  let api = await start();
  failed(await api.post('/list/allocations_sql'), 401, 'Unauthorized');
  failed(await api.post('/list/resources_sql', bearer(`${root}x`)), 401, 'Unauthorized');
  const reader = await add(api, root, 'ci', 'read');
  const renter = await add(api, root, 'alice', 'rent');
  assert.match(renter.key, keyForm);
  assert.equal(renter.id, keyForm.exec(renter.key)[1]);
  assert.equal((await api.post('/list/resources_sql', bearer(reader.key))).status, 200);
  failed(await api.allocateSpec({}, {}, bearer(reader.key)), 403, 'Forbidden: this needs the role rent');
  failed(await api.post('/admin/keys', bearer(renter.key)), 403, 'Forbidden: this needs the role admin');
  const mine = succeeded(await api.allocateSpec({ gpu_size: 0, gpu_type: '' }, {}, bearer(renter.key)), 'Resource was successfully allocated');

  assert.equal((await daemon.end('SIGKILL')).signal, 'SIGKILL');
  api = await start();
  const list = succeeded(await api.post('/admin/keys', bearer(root)), 'List keys successfully.');
  assert.deepEqual(list.map(({ name, role }) => [name, role]), [['root', 'admin'], ['ci', 'read'], ['alice', 'rent']]);
  assert.ok(list.every((k) => /^\d{4}-.*Z$/.test(k.created_at) && !('key' in k) && !('hash' in k)));
  assert.match(list[2].last_used_at, /^\d{4}-.*Z$/);
  assert.equal((await api.post('/list/allocations_sql', bearer(reader.key))).json.data[0].hotkey, mine.hotkey);

  assert.equal((await api.post('/admin/keys/revoke', { query: { id: renter.id }, ...bearer(root) })).status, 200);
  failed(await api.post('/list/resources_sql', bearer(renter.key)), 401, 'Unauthorized');
  failed(await api.post('/admin/keys/revoke', { query: { id: renter.id }, ...bearer(root) }), 404, 'No such key.');
  const [, rootId] = keyForm.exec(root);
  failed(await api.post('/admin/keys/revoke', { query: { id: rootId }, ...bearer(root) }), 400, 'Key was not revoked.');
  assert.equal((await api.post('/admin/keys/add', { query: { name: 'a b', role: 'god' }, ...bearer(root) })).json.err_detail.length, 2);

  const second = await runToEnd([`--storage.path=${data}`, '--add-admin-key=late']);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /a daemon is running.*lode keys add late/);
  assert.equal(second.stdout, '');

  await daemon.end('SIGTERM');
  api = await start();
  failed(await api.post('/list/resources_sql', bearer(renter.key)), 401, 'Unauthorized');
  assert.equal((await api.post('/list/resources_sql', bearer(reader.key))).status, 200);
  await daemon.end('SIGTERM');
  for (const key of [root, reader.key, renter.key]) {
    assert.ok(!(daemon.stdout + daemon.stderr).includes(key), 'no key is in the log');
    for (const file of await fs.readdir(path.join(data, 'db')))
      assert.ok(!(await fs.readFile(path.join(data, 'db', file))).includes(key.slice(18)), `no key is in ${file}`);
  }
});

withDaemon('the first key is an admin\'s; from then on every call needs one', {}, async ({ start }) => {
  const api = await start();
  assert.equal((await api.post('/list/resources_sql')).status, 200);
  failed(await api.post('/admin/keys/add', { query: { name: 'x', role: 'rent' } }), 400, 'Key was not added.');
  const admin = succeeded(await api.post('/admin/keys/add', { query: { name: 'x', role: 'admin' } }), 'Key was added.');
  failed(await api.post('/list/resources_sql'), 401, 'Unauthorized');
  assert.equal((await api.post('/list/resources_sql', bearer(admin.key))).status, 200);
  assert.equal((await api.get('/healthz')).status, 200);
});

withDaemon('two keys never share an idempotency key', {}, async ({ start, data }) => {
  const root = await firstKey(data);
  const api = await start();
  const one = await add(api, root, 'one', 'rent');
  const two = await add(api, root, 'two', 'rent');
  const ask = (key) => api.allocateSpec({ gpu_size: 0, gpu_type: '' }, {}, bearer(key, { 'idempotency-key': 'same' }));
  const first = succeeded(await ask(one.key), 'Resource was successfully allocated');
  assert.deepEqual(succeeded(await ask(one.key), 'Resource was successfully allocated'), first);
  const other = await ask(two.key);
  assert.equal(other.status, 422);
  assert.ok(!other.text.includes(first.uuid_key));
});

withDaemon('a listener whose key is revoked is sent away', { 'events.keepalive-seconds': 1 }, async ({ daemon, start, data }) => {
  const root = await firstKey(data);
  const api = await start();
  const reader = await add(api, root, 'ci', 'read');
  const listener = new Listener(daemon.url, { path: `/connect?token=${reader.key}` });
  await until('a keepalive', () => listener.frames.length > 0);
  assert.equal((await api.post('/admin/keys/revoke', { query: { id: reader.id }, ...bearer(root) })).status, 200);
  assert.equal((await soon('the end', listener.closed)).code, 4401);
  assert.ok(!daemon.stderr.includes(reader.key));
});

withDaemon('the allow-list, behind proxies and not', { 'access.allow': ['192.0.2.0/24', '2001:db8::/32'], 'access.proxies': '127.0.0.1' },
  async ({ daemon }) => {
    const api = new Client(await daemon.start());
    const from = (forwarded) => api.get('/healthz', { headers: forwarded ? { 'x-forwarded-for': forwarded } : {} });
    for (const yes of ['192.0.2.1', '203.0.113.1, 192.0.2.1', '2001:db8::5', '192.0.2.1, 127.0.0.1']) assert.equal((await from(yes)).status, 200, yes);
    for (const no of [undefined, '203.0.113.1', '192.0.2.1, 203.0.113.1', '192.0.2.1, x'])
      failed(await from(no), 403, 'Access forbidden: IP not whitelisted');
    api.close();
  });

test('WHITELISTED_IPS of the original is followed', async () => {
  const { code, stdout } = await runToEnd(['--print-config'], { env: { WHITELISTED_IPS: '127.0.0.1, 10.0.0.0/8' } });
  assert.equal(code, 0);
  assert.match(stdout, /^allow = \["127\.0\.0\.1", "10\.0\.0\.0\/8"\] {2}# environment WHITELISTED_IPS$/m);
  const bad = await runToEnd(['--check-config'], { env: { WHITELISTED_IPS: 'localhost' } });
  assert.equal(bad.code, 2);
  assert.match(bad.stderr, /WHITELISTED_IPS: expected addresses and networks/);
});

withDaemon('too many calls without a key', { 'access.failures-per-minute': 5 }, async ({ daemon, start, data }) => {
  const root = await firstKey(data);
  const api = await start();
  const statuses = [];
  for (let i = 0; i < 8; ++i) statuses.push((await api.post('/list/resources_sql')).status);
  assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429, 429, 429]);
  const late = await api.post('/list/resources_sql', bearer('lode_x_y'));
  failed(late, 429, 'Too Many Requests');
  assert.match(late.headers['retry-after'], /^\d+$/);
  assert.equal((await api.post('/list/resources_sql', bearer(root))).status, 200, 'a key that holds is served');
  const told = daemon.lines().filter((line) => / \/list\/resources_sql (401|429) /.test(line.msg));
  assert.equal(told.length, 5, 'and the log does not grow with it');
});

withDaemon('the audit log has every change, who made it and what came of it, and no secret',
  (dir) => ({ 'audit.file': path.join(dir, 'audit.log') }),
  async ({ dir, start, data }) => {
    const root = await firstKey(data);
    const api = await start();
    const alice = await add(api, root, 'alice', 'rent');
    const mine = succeeded(await api.allocateSpec({ gpu_size: 0, gpu_type: '' }, {}, bearer(alice.key)), 'Resource was successfully allocated');
    failed(await api.deallocate({ hotkey: mine.hotkey, uuid_key: 'x'.repeat(36) }), 401, 'Unauthorized');
    assert.equal((await api.post('/list/allocations_sql', bearer(alice.key))).status, 200);
    assert.equal((await api.post('/service/deallocate', { query: { hotkey: mine.hotkey, uuid_key: mine.uuid_key }, ...bearer(alice.key, { 'x-request-id': 'the-end' }) })).status, 200);
    const text = await fs.readFile(path.join(dir, 'audit.log'), 'utf8');
    const lines = text.trimEnd().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(lines.map((l) => [l.caller, l.endpoint, l.status]), [
      ['root', '/admin/keys/add', 200],
      ['alice', '/service/allocate_spec', 200],
      ['', '/service/deallocate', 401],
      ['alice', '/service/deallocate', 200],
    ]);
    assert.deepEqual([lines[0].name, lines[0].role, lines[0].id], ['alice', 'rent', alice.id]);
    assert.deepEqual([lines[1].hotkey, lines[1].uuid_end], [mine.hotkey, mine.uuid_key.slice(-4)]);
    assert.equal(lines[3].request_id, 'the-end');
    assert.equal(lines[3].address, '127.0.0.1');
    for (const secret of [root, alice.key, mine.uuid_key, mine.ssh_password]) assert.ok(!text.includes(secret));
    assert.equal((await fs.stat(path.join(dir, 'audit.log'))).mode & 0o777, 0o600);
  });

withDaemon('IPv4 and IPv6, plain and one inside of the other, as a client really comes', { 'http.listen': '[::]:0', 'http.insecure': true, 'access.allow': '127.0.0.0/8' },
  async ({ daemon }) => {
    const { port } = new URL(await daemon.start());
    const ask = async (host, headers = {}) => {
      const api = new Client(`http://${host}:${port}`);
      try {
        return (await api.get('/healthz', { headers })).status;
      } finally {
        api.close();
      }
    };
    assert.equal(await ask('127.0.0.1'), 200, 'the kernel names it ::ffff:127.0.0.1');
    assert.equal(await ask('[::1]'), 403);
    // Nobody is a proxy here, so what anybody forwards is not looked at.
    for (const forwarded of ['127.0.0.1', '::ffff:127.0.0.1', '127.0.0.1, 127.0.0.1'])
      assert.equal(await ask('[::1]', { 'x-forwarded-for': forwarded }), 403, forwarded);
    await daemon.end('SIGTERM');
    for (const [allow, four, six] of [['::ffff:127.0.0.1', 200, 403], ['::ffff:0:0/96', 200, 403], ['::1', 403, 200], ['::/0', 403, 200], ['0.0.0.0/0', 200, 403]]) {
      const own = new Loded({ ...daemon.settings, 'access.allow': allow });
      try {
        const at = new URL(await own.start()).port;
        const status = async (host) => {
          const api = new Client(`http://${host}:${at}`);
          const reply = await api.get('/healthz');
          api.close();
          return reply.status;
        };
        assert.deepEqual([await status('127.0.0.1'), await status('[::1]')], [four, six], allow);
      } finally {
        await own.destroy();
      }
    }
  });

withDaemon('a forwarded header that is sent twice is one list, and its end is what the proxy wrote', { 'access.allow': '192.0.2.7', 'access.proxies': '127.0.0.1' },
  async ({ daemon }) => {
    const { hostname, port } = new URL(await daemon.start());
    const ask = async (...lines) => {
      const socket = net.connect(Number(port), hostname);
      socket.write(`GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${lines.map((line) => `X-Forwarded-For: ${line}\r\n`).join('')}\r\n`);
      let text = '';
      for await (const chunk of socket) text += chunk;
      return Number(/^HTTP\/1\.1 (\d+)/.exec(text)[1]);
    };
    assert.equal(await ask('203.0.113.1', '192.0.2.7'), 200);
    assert.equal(await ask('192.0.2.7', '203.0.113.1'), 403, 'what the client wrote comes first');
    assert.equal(await ask('192.0.2.7', ''), 403, 'a proxy that names nobody');
  });

test('an API key that is made on the machine is in the audit log, or is not made', async () => {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'lode-audit-'));
  try {
    const data = path.join(dir, 'data');
    const add = (...args) => runToEnd([`--storage.path=${data}`, '--add-admin-key', 'root', ...args]);
    const refused = await add(`--audit.file=${dir}/absent/audit.log`);
    assert.equal(refused.code, 2, refused.stderr);
    assert.match(refused.stderr, /audit\.file/);
    assert.equal(refused.stdout, '');
    const nameless = await runToEnd([`--storage.path=${data}-none`, '--add-admin-key=a b']);
    assert.equal(nameless.code, 2);
    await assert.rejects(fs.access(`${data}-none`), 'a name that is none makes no store');
    const { code, stdout, stderr } = await add(`--audit.file=${dir}/audit.log`);
    assert.equal(code, 0, stderr);
    const text = await fs.readFile(path.join(dir, 'audit.log'), 'utf8');
    const { time, ...line } = JSON.parse(text);
    assert.ok(Date.parse(time) > 0);
    const id = keyForm.exec(stdout.trimEnd())[1];
    assert.deepEqual(line, { caller: `user ${process.getuid()} of this machine`, endpoint: 'loded --add-admin-key', id, name: 'root', role: 'admin', status: 200 });
    assert.ok(!text.includes(stdout.trimEnd()));
  } finally {
    await fs.rm(dir, { recursive: true, force: true });
  }
});

withDaemon('--check-config sees whether keys protect what is public, also beside the daemon', {}, async ({ dir, start, data }) => {
  const check = (...args) => runToEnd([`--storage.path=${data}`, '--http.listen=0.0.0.0:0', '--check-config', ...args]);
  const said = async (code, pattern, ...args) => {
    const result = await check(...args);
    assert.equal(result.code, code, result.stderr + result.stdout);
    assert.match(result.stdout + result.stderr, pattern);
  };
  const files = async () => (await fs.readdir(dir, { recursive: true })).sort();
  await said(2, /nothing protects the API: .*--add-admin-key NAME.*holds no key/);
  assert.deepEqual(await files(), [], 'it makes nothing');
  await said(0, /configuration ok/, '--http.insecure');
  const api = await start();
  await said(2, /nothing protects the API/); // a store, but no key in it
  const root = succeeded(await api.post('/admin/keys/add', { query: { name: 'root', role: 'admin' } }), 'Key was added.');
  await said(0, /^note: http\.listen 0\.0\.0\.0:0 is reachable from other machines; 1 API key protects it\nconfiguration ok\n$/);
  await add(api, root.key, 'ci', 'read');
  const before = await files();
  await said(0, /2 API keys protect it/);
  assert.deepEqual(await files(), before);
  assert.equal((await api.post('/admin/keys', bearer(root.key))).json.data.length, 2, 'the daemon goes on');
});

withDaemon('--check-config sees what a start would refuse', {}, async ({ dir, daemon, start, data }) => {
  const check = async (...args) => {
    const { code, stdout, stderr } = await runToEnd([`--storage.path=${data}`, '--check-config', ...args]);
    return { code, said: stdout + stderr };
  };
  const miners = path.join(dir, 'miners.json');
  await fs.writeFile(miners, '{"miners": []}');
  const unsigned = await check(`--miners.file=${miners}`);
  assert.equal(unsigned.code, 2);
  assert.match(unsigned.said, /wallet\.hotkey-file is not set/);
  await start();
  await daemon.end('SIGTERM');
  assert.equal((await check()).code, 0);
  await fs.chmod(`${data}.key`, 0o644);
  assert.match((await check()).said, /master key .* is open to others .*chmod 600/);
  await fs.rm(`${data}.key`);
  const lost = await check();
  assert.equal(lost.code, 2);
  assert.match(lost.said, /there is no master key .*cannot be opened without it/);
});

withDaemon('beyond loopback: with keys, and not without', { 'http.listen': '0.0.0.0:0' }, async ({ daemon, data }) => {
  const open = await runToEnd(['--http.listen=0.0.0.0:0', `--storage.path=${data}`]);
  assert.equal(open.code, 2);
  assert.match(open.stderr, /nothing protects the API.*--add-admin-key/);
  await firstKey(data);
  const api = new Client((await daemon.start()).replace('0.0.0.0', '127.0.0.1'));
  failed(await api.post('/list/resources_sql'), 401, 'Unauthorized');
  assert.match(daemon.stderr, /in the clear/);
  api.close();
});
