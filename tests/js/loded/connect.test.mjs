// /connect: keepalives, live events, the past, many listeners, bad ones, the end.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { after } from 'node:test';
import { Certs } from '../lib/certs.mjs';
import { Listener } from '../lib/listener.mjs';
import { failed, invalid, succeeded } from '../lib/replies.mjs';
import { soon, spread, until } from '../lib/wait.mjs';
import { withWorld } from '../lib/world.mjs';

const certs = new Certs();
after(() => certs.remove());

const made = 'Resource was successfully allocated';
const simulated = (count, settings = {}) => ({ file: false, settings: { 'miners.simulated': count, 'forge.pool': 0, ...settings } });
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

const open = (world, options) => Listener.open(world.loded.url, options);

/** Rents and gives back; what happened is in the log then. */
async function rentAndReturn(api) {
  const rented = succeeded(await api.allocateSpec(), made);
  assert.equal((await api.deallocate(rented)).status, 200);
  return rented;
}
const gone = ({ payload }) => payload.event === 'gone';

/** Strictly growing, so without a repeat. */
function inOrder(seqs) {
  for (let i = 1; i < seqs.length; ++i) assert.ok(seqs[i] > seqs[i - 1], `${seqs[i - 1]} then ${seqs[i]}`);
}

/** The whole log as of now. */
async function wholeLog(world, last, since = 0) {
  const listener = await open(world, { since });
  await listener.heard(`event ${last}`, ({ seq }) => seq === last);
  listener.destroy();
  return listener.events.filter(({ seq }) => seq <= last);
}

withWorld('a keepalive on opening and again, and every change of an allocation as it happens',
  { miners: 1, settings: { 'events.keepalive-seconds': 1 } },
  async (world) => {
    const listener = await open(world);
    await until('three keepalives', () => listener.frames.length >= 3);
    for (const frame of listener.frames) {
      assert.deepEqual(Object.keys(frame), ['type', 'payload']);
      assert.equal(frame.type, 'keepalive');
      assert.match(frame.payload.time, rfc3339);
    }
    const rented = await rentAndReturn(world.api);
    await listener.heard('gone', gone);
    const events = listener.events;
    assert.deepEqual(events.map(({ payload }) => payload.event), ['reserved', 'allocated', 'released', 'gone']);
    for (const event of events) {
      assert.deepEqual(Object.keys(event), ['type', 'seq', 'payload']);
      assert.equal(event.type, 'allocation');
      assert.equal(event.payload.hotkey, rented.hotkey);
      assert.match(event.payload.time, rfc3339);
    }
    inOrder(listener.seqs);
    assert.ok(!JSON.stringify(listener.frames).includes(rented.uuid_key), 'no secret');
    listener.destroy();
  });

withWorld('since: the past first, then live, from wherever, without gap or repeat', { miners: 1 },
  async (world) => {
    const live = await open(world);
    for (let i = 0; i < 3; ++i) await rentAndReturn(world.api);
    await until('all', () => live.events.length === 12);
    const all = live.events;
    for (const at of [0, 1, 5, 10, 11]) {
      const since = at === 0 ? 0 : all[at - 1].seq;
      const late = await open(world, { since });
      await until('the past', () => late.events.length >= all.length - at);
      await rentAndReturn(world.api);
      await late.heard('live', (e) => gone(e) && e.seq > all.at(-1).seq);
      await live.heard('live', (e) => gone(e) && e.seq === late.last);
      assert.deepEqual(late.events, live.events.slice(at));
      all.splice(0, all.length, ...live.events);
      late.destroy();
    }
    live.destroy();
  });

withWorld('listeners that join while much happens miss and repeat nothing', simulated(20),
  async (world) => {
    const first = await open(world);
    const joined = [];
    let over = false;
    const joining = (async () => {
      while (!over) {
        const after = first.seqs[Math.floor(Math.random() * first.seqs.length)] ?? 0;
        joined.push({ after, listener: await open(world, { since: after }) });
      }
    })();
    await spread(Array.from({ length: 200 }), 10, () => rentAndReturn(world.api));
    over = true;
    await joining;
    await until('all', () => first.events.filter(gone).length === 200);
    assert.ok(joined.length > 10, `${joined.length} joined`);
    for (const { after, listener } of joined) {
      await listener.heard('the last', ({ seq }) => seq === first.last);
      assert.deepEqual(listener.seqs, first.seqs.filter((seq) => seq > after));
      listener.destroy();
    }
    first.destroy();
  });

withWorld('a restart in the middle: since goes on without a gap', { miners: 1 },
  async (world) => {
    const before = await open(world);
    const rented = succeeded(await world.api.allocateSpec(), made);
    await before.heard('allocated', ({ payload }) => payload.event === 'allocated');
    await world.kill();
    await before.end();
    await world.restart();
    assert.equal((await world.api.deallocate(rented)).status, 200);
    const later = await open(world, { since: before.last });
    await later.heard('gone', gone);
    const all = await wholeLog(world, later.last);
    assert.deepEqual([...before.events, ...later.events], all);
    inOrder(all.map(({ seq }) => seq));
    later.destroy();
  });

withWorld('what is no longer in the log, and what is not in it yet, is said', simulated(20, { 'events.keep': 1000 }),
  async (world) => {
    await spread(Array.from({ length: 350 }), 10, () => rentAndReturn(world.api));
    const old = await until('the log is trimmed', async () => {
      const listener = new Listener(world.loded.url, { since: 0 });
      await once(listener.socket, 'open');
      const end = await Promise.race([listener.closed, until('events', () => listener.events.length > 0)]);
      listener.destroy();
      return end.code === 4410 && end;
    });
    const dropped = Number(/^events up to (\d+) are no longer kept$/.exec(old.reason)[1]);
    const rest = await open(world, { since: dropped });
    await until('the rest', () => rest.events.length >= 1000);
    inOrder(rest.seqs);
    rest.destroy();
    const ahead = await open(world, { since: 1e12 });
    const end = await ahead.end();
    assert.equal(end.code, 4409);
    assert.match(end.reason, /^the event log ends at \d+$/);
  });

withWorld('a thousand listeners hear the same, and one that never reads harms nobody',
  simulated(20, { 'http.max-connections': 2000 }),
  async (world) => {
    const { hostname, port } = new URL(world.loded.url);
    const deaf = net.connect(Number(port), hostname);
    const listeners = [];
    try {
      await once(deaf, 'connect');
      deaf.write(`GET /connect HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${randomBytes(16).toString('base64')}\r\n\r\n`);
      const [head] = await once(deaf, 'data');
      assert.match(String(head), /^HTTP\/1\.1 101 /);
      deaf.pause();
      listeners.push(...(await spread(Array.from({ length: 1000 }), 50, () => open(world))));
      const began = Date.now();
      const rounds = 60;
      await spread(Array.from({ length: rounds }), 10, () => rentAndReturn(world.api));
      await until('everybody heard all', () => listeners.every((l) => l.events.filter(gone).length === rounds), { within: 60_000 });
      const took = Date.now() - began;
      for (const listener of listeners) assert.deepEqual(listener.seqs, listeners[0].seqs);
      assert.equal(listeners[0].events.length, 4 * rounds);
      console.log(`${listeners.length} listeners, ${listeners.length * 4 * rounds} frames in ${took} ms`);
      for (const listener of listeners.splice(1)) listener.destroy();
      // The deaf one: more than fits into what the system and the queue keep for it.
      const dropped = () => world.loded.lines().find((l) => /a WebSocket of .* is dropped/.test(JSON.stringify(l)));
      let total = rounds;
      for (; total < 8000 && !dropped(); total += 200)
        await spread(Array.from({ length: 200 }), 10, () => rentAndReturn(world.api));
      assert.ok(dropped(), 'the deaf one is dropped');
      const [one] = listeners;
      await until('the other one hears everything', () => one.events.filter(gone).length === total);
      assert.equal(one.events.length, 4 * total);
      inOrder(one.seqs);
      assert.equal((await world.api.get('/healthz')).status, 200);
    } finally {
      deaf.destroy();
      for (const listener of listeners) listener.destroy();
    }
  });

withWorld('the end is said with 1001, also to one that replays', { miners: 1 },
  async (world) => {
    await rentAndReturn(world.api);
    const listeners = [await open(world), await open(world, { since: 0 })];
    await listeners[1].heard('the past', gone);
    const began = Date.now();
    await world.stop();
    assert.ok(Date.now() - began < 10_000);
    for (const listener of listeners)
      assert.deepEqual(await listener.end(), { code: 1001, reason: 'the server is stopping' });
  });

withWorld('only a WebSocket, of no other site, with a sensible since', {},
  async (world) => {
    const { api } = world;
    const plain = await api.get('/connect');
    failed(plain, 426);
    assert.equal(plain.headers.upgrade, 'websocket');
    for (const [since, message] of [
      ['x', 'Input should be a valid integer, unable to parse string as an integer'],
      ['-1', 'Input should be greater than or equal to 0'],
    ])
      invalid(await api.get('/connect', { query: { since } }), { since: message });
    failed(await api.post('/connect'), 405);
    const answered = async (options) => {
      const listener = new Listener(world.loded.url, options);
      listener.socket.on('error', () => {});
      const [, response] = await soon('an answer', once(listener.socket, 'unexpected-response'));
      listener.destroy();
      return response.statusCode;
    };
    assert.equal(await answered({ since: 'x' }), 422);
    assert.equal(await answered({ headers: { origin: 'http://evil.example' } }), 403);
    assert.equal(await answered({ headers: { origin: 'null' } }), 403);
    assert.equal(await answered({ path: '/connect?token=x', headers: { origin: 'http://evil.example' } }), 403);
    assert.equal(await answered({ path: '/nowhere' }), 404);
    const same = await open(world, { headers: { origin: world.loded.url } });
    same.destroy();
  });

withWorld('pings are answered, messages are ignored, a big one ends it', {},
  async (world) => {
    const listener = await open(world);
    listener.socket.ping('hello');
    assert.equal(String((await soon('a pong', once(listener.socket, 'pong')))[0]), 'hello');
    for (let i = 0; i < 100; ++i) listener.socket.send(JSON.stringify({ ack: i }));
    listener.socket.ping();
    await soon('a pong', once(listener.socket, 'pong'));
    listener.socket.send('x'.repeat(5000));
    assert.equal((await listener.end()).code, 1009);
    const polite = await open(world);
    polite.socket.close(1000, 'bye');
    assert.equal((await polite.end()).code, 1000);
  });

withWorld('over TLS all the same', { miners: 1, settings: certs.settings('required'), tls: certs.client('client') },
  async (world) => {
    const listener = await open(world, { tls: certs.client('client') });
    await rentAndReturn(world.api);
    await listener.heard('gone', gone);
    const again = await open(world, { since: 0, tls: certs.client('client') });
    await again.heard('gone', gone);
    assert.deepEqual(again.events, listener.events);
    await world.stop();
    for (const one of [listener, again]) assert.equal((await one.end()).code, 1001);
  });
