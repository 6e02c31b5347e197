// lode events, and lode over TLS, against the real daemon.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { after, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { asUser } from '../lib/cli.mjs';
import { Certs } from '../lib/certs.mjs';
import { until } from '../lib/wait.mjs';
import { withWorld } from '../lib/world.mjs';

const certs = new Certs();
const strangers = new Certs();
after(() => {
  certs.remove();
  strangers.remove();
});

const rent = async (api) => {
  const { data } = (await api.allocateSpec({ gpu_type: '', gpu_size: 0 })).json;
  assert.equal((await api.deallocate(data)).status, 200);
  return data.hotkey;
};
const frames = (text) => text.split('\n').slice(0, -1).map((line) => JSON.parse(line));

withWorld('events: the past, filtered, and from a number on', { miners: 1 }, async (world) => {
  const hotkey = await rent(world.api);
  await asUser(world.loded.url, async (cli) => {
    const whole = await until('the whole log', async () => {
      const { stdout } = await cli.run(['events', '--type', 'allocation', '-o', 'json']);
      const seen = frames(stdout);
      return seen.some(({ payload }) => payload.event === 'gone') && seen;
    });
    assert.ok(whole.length >= 4);
    assert.ok(whole.every(({ type, payload }) => type === 'allocation' && payload.hotkey === hotkey));
    const [, second] = whole;
    const rest = frames((await cli.run(['events', '--type', 'allocation', '--since', String(second.seq), '-o', 'json'])).stdout);
    assert.deepEqual(rest, whole.slice(2));
    const { stdout } = await cli.run(['events', '--type', 'allocation']);
    const lines = stdout.split('\n').slice(0, -1).map((line) => line.split('\t'));
    assert.deepEqual(lines.map(([seq, type, key]) => [Number(seq), type, key]), whole.map(({ seq }) => [seq, 'allocation', hotkey]));
    assert.match(lines[0][3], /event=reserved/);
  });
});

withWorld('events -f goes on over a restart without a gap, and ends at Ctrl-C', { miners: 1 }, async (world) => {
  const { settings } = world.loded;
  await asUser(world.loded.url, async (cli) => {
    const child = cli.start(['events', '-f', '--since', '0', '-o', 'json', '--type', 'allocation']);
    const gone = () => frames(child.said.stdout.replace(/[^\n]*$/, '')).filter(({ payload }) => payload.event === 'gone').length;
    await rent(world.api);
    await until('the first lease in the feed', () => gone() === 1);
    settings['http.listen'] = new URL(world.loded.url).host;
    await world.stop();
    await world.start();
    await rent(world.api);
    await until('the second lease in the feed', () => gone() === 2, { within: 60_000 });
    child.kill('SIGINT');
    const { code, stdout, stderr } = await child.ended;
    assert.equal(code, 130, stderr);
    const seqs = frames(stdout).map(({ seq }) => seq);
    assert.deepEqual(seqs, [...new Set(seqs)].sort((a, b) => a - b), 'each once, in order');
  });
});

const mutual = { miners: 1, settings: certs.settings('required'), tls: certs.client('client') };
withWorld('TLS: the authority decides, and a client certificate where one is wanted', mutual, async (world) => {
  const [ca, cert, key] = ['ca.crt', 'client.crt', 'client.key'].map((name) => certs.file(name));
  await asUser(world.loded.url, async (cli) => {
    const tls = ['--ca-file', ca, '--cert', cert, '--cert-key', key];
    const good = await cli.run([...tls, 'resources', '--stats']);
    assert.equal(good.code, 0, good.stderr);
    const unknown = await cli.run(['ls']);
    assert.equal(unknown.code, 5);
    assert.match(unknown.stderr, /--ca-file/);
    const none = await cli.run(['--ca-file', ca, 'ls']);
    assert.equal(none.code, 5, none.stderr);
    assert.match(none.stderr, /--cert /);
    assert.equal((await cli.run(['--ca-file', strangers.file('ca.crt'), '--cert', cert, '--cert-key', key, 'ls'])).code, 5);
    assert.equal((await cli.run(['--ca-file', '/nowhere', 'ls'])).code, 2);
    const plain = await cli.run(['--server', world.loded.url.replace('https', 'http'), 'ls']);
    assert.notEqual(plain.code, 0);
    const hotkey = await rent(world.api);
    const { stdout } = await cli.run([...tls, 'events', '--type', 'allocation']);
    assert.ok(stdout.includes(hotkey));
    const made = await cli.run(['context', 'set', 'm', '--server', world.loded.url, ...tls]);
    assert.equal(made.code, 0, made.stderr);
    cli.server = undefined;
    const doctor = JSON.parse((await cli.run(['doctor', '-o', 'json'])).stdout);
    assert.equal(doctor.find((f) => f.check === "server's certificate").verdict, 'ok');
    assert.equal(doctor.find((f) => f.check === 'own certificate').verdict, 'ok');
  });
});

/** Runs body(cli, asked): a stand-in answers the n-th connection with answers[n](socket), or with a status. */
const withFeed = (answers, body) => async () => {
  const asked = [];
  const feed = new WebSocketServer({ noServer: true });
  const server = http.createServer();
  server.on('upgrade', (request, socket, head) => {
    const answer = answers[asked.push(request.url) - 1] ?? answers.at(-1);
    if (typeof answer === 'function') return feed.handleUpgrade(request, socket, head, answer);
    const text = JSON.stringify({ success: false, message: 'Service Unavailable' });
    return socket.end(`HTTP/1.1 ${answer} Refused\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await asUser(`http://127.0.0.1:${server.address().port}`, (cli) => body(cli, asked));
  } finally {
    feed.close();
    server.close();
    server.closeAllConnections();
  }
};
const frame = (seq) => JSON.stringify({ type: 'miner', seq, payload: { hotkey: '5H', event: 'marked' } });
const keepalive = JSON.stringify({ type: 'keepalive', payload: {} });

test('events -f comes back to a server that is restarting, where it was', withFeed(
  [(socket) => { socket.send(keepalive); socket.send(frame(7)); socket.close(1001, 'the server is stopping'); }, 503,
    (socket) => { socket.send(keepalive); socket.send(frame(9)); }],
  async (cli, asked) => {
    const child = cli.start(['events', '-f', '--since', '5', '-o', 'json']);
    await until('both events', () => frames(child.said.stdout.replace(/[^\n]*$/, '')).length === 2);
    child.kill('SIGINT');
    assert.equal((await child.ended).code, 130);
    assert.deepEqual(asked, ['/connect?since=5', '/connect?since=7', '/connect?since=7']);
  },
));

for (const [code, reason, exit, advice] of [
  [4401, 'a valid API key is needed', 4, /LODE_KEY/],
  [4403, 'the address is not on the allow-list', 4, /operator/],
  [4409, 'the event log ends at 3', 2, /--since 0/],
  [4410, 'events up to 40 are no longer kept', 3, /--since/],
])
  test(`events, closed with ${code}: ${exit}, with the reason, once`, withFeed(
    [(socket) => { socket.send(keepalive); socket.close(code, reason); }],
    async (cli, asked) => {
      for (const args of [['events', '--since', '5'], ['events', '-f', '--since', '5']]) {
        const { code: status, stderr, stdout } = await cli.run(args);
        assert.equal(status, exit, stderr);
        assert.ok(stderr.includes(reason), stderr);
        assert.match(stderr, advice);
        assert.equal(stdout, '');
      }
      assert.equal(asked.length, 2);
    },
  ));

withWorld('events that are not there yet, from a real server', { miners: 1 }, (world) =>
  asUser(world.loded.url, async (cli) => {
    const { code, stderr } = await cli.run(['events', '-f', '--since', '4711000']);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /the event log ends at \d+/);
  }));
