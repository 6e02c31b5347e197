// What `lode` sends, against a stand-in that looks at the requests: where its key comes from, and that a renter's UUID goes
// in the body.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { asUser } from '../lib/cli.mjs';

const hotkey = '5GmejXdoVn5fc4Ef76C3X5GYxCdzEArFg7mvS8Lzk9ntu5cg';
const replies = {
  '/admin/keys': [{ id: 'k1', name: 'alice', role: 'admin', created_at: '2026-11-25T00:00:00Z', last_used_at: null }],
  '/service/extend': { hotkey, expires_at: '2026-12-31T00:00:00Z' },
  '/service/check_port': { hotkey, ssh_ip: '203.0.113.7', ssh_port: 4444, port: 'open', reachable: true, healthy: null, eligible: false, misses: 0, checked_at: '2026-11-25T00:00:00Z' },
};

/** Runs body(cli, calls): calls grows with {path, query, body, key} of each request. */
const withStandIn = (body) => async () => {
  const calls = [];
  const server = http.createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const url = new URL(request.url, 'http://x');
    const text = Buffer.concat(chunks).toString();
    const { authorization } = request.headers;
    calls.push({ path: url.pathname, query: Object.fromEntries(url.searchParams), body: text && JSON.parse(text), authorization });
    const say = (status, json) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(json));
    };
    if (authorization !== 'Bearer lode_k1_good') say(401, { success: false, message: 'Unauthorized' });
    else say(200, { success: true, message: 'Done.', data: replies[url.pathname] ?? null });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await asUser(`http://127.0.0.1:${server.address().port}`, (cli) => body(cli, calls));
  } finally {
    server.close();
  }
};
const env = { LODE_KEY: 'lode_k1_good' };

test('without a key, or with a wrong one: 4, and the key is not in what it says', withStandIn(async (cli) => {
  for (const LODE_KEY of ['', 'lode_k1_wrong']) {
    const { code, stderr, stdout } = await cli.run(['keys', 'list'], { env: { LODE_KEY } });
    assert.equal(code, 4);
    assert.match(stderr, /Unauthorized\n.*LODE_KEY/);
    assert.ok(!(stdout + stderr).includes('lode_k1_wrong'));
  }
}));

test('a key from a file or a command of the context', withStandIn(async (cli) => {
  const { server } = cli;
  cli.server = undefined;
  const file = path.join(cli.home, 'the.key');
  await fs.writeFile(file, 'lode_k1_good\nmore\n', { mode: 0o600 });
  for (const how of [['--api-key-file', '~/the.key'], ['--api-key-command', `head -n 1 ${file}`]]) {
    assert.equal((await cli.run(['context', 'set', 'x', '--server', server, ...how])).code, 0);
    const { code, stderr } = await cli.run(['keys', 'list']);
    assert.equal(code, 0, stderr);
  }
  await cli.run(['context', 'set', 'x', '--api-key-command', 'exit 1']);
  assert.equal((await cli.run(['keys', 'list'])).code, 4);
}));

test('extend and check: the UUID goes in the body, never in the address', withStandIn(async (cli, calls) => {
  assert.equal((await cli.run(['extend', hotkey, '--uuid', 'u-1', '--days', '7'], { env })).code, 0);
  assert.deepEqual(calls.at(-1), { path: '/service/extend', query: {}, body: { hotkey, uuid_key: 'u-1', days: 7 }, authorization: 'Bearer lode_k1_good' });
  const seen = await cli.run(['check', hotkey, '--uuid', 'u-1'], { env });
  assert.deepEqual([calls.at(-1).path, calls.at(-1).query], ['/service/check_port', {}]);
  assert.match(seen.stdout, /^healthy\tunknown$/m, 'before the first look');
}));
