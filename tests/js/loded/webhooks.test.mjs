// Webhooks through the real daemon to real receivers: what they are promised arrives at least once and in order, whatever
// the receiver does and however often the daemon dies.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { runToEnd } from '../lib/loded.mjs';
import { answers, authority, Receiver } from '../lib/receiver.mjs';
import { invalid, refused, succeeded } from '../lib/replies.mjs';
import { seeded, until } from '../lib/wait.mjs';
import { inWorld } from '../lib/world.mjs';

const made = 'Resource was successfully allocated';
const ended = 'Resource deallocated successfully.';
const listed = 'List notifications successfully.';
const resent = 'Notifications are queued again.';
const good = 'Notify allocation event testing is success';
const bad = 'Notify allocation event testing is failed';
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const quick = { 'notify.retry-seconds': 1, 'notify.retry-max-seconds': 1, 'notify.timeout-seconds': 2 };
const everySecond = { 'jobs.allocation-check-seconds': 1, 'jobs.allocation-check-misses': 1000 };

const rent = async ({ api, axons }, i = 0) => succeeded(await api.allocateHotkey(axons[i].hotkey), made);
const release = async ({ api }, allocation, flag = true) =>
  succeeded(await api.act('deallocate', allocation, { notify_flag: flag }), ended);
const notifications = async ({ api }, query = {}) =>
  succeeded(await api.post('/admin/notifications', { query }), listed).page_items;
const stop = (axon) => axon.miner.stop();
const start = (axon) => {
  axon.miner.container.state = 'running';
  axon.miner.changed();
};

/** A world with a receiver of both kinds of webhooks, on one server unless `settings` say otherwise. */
const withReceiver = (name, { miners = 1, settings = {}, receiver: options } = {}, body) =>
  test(name, async () => {
    const receiver = await Receiver.open(options);
    try {
      const urls = { 'notify.deallocation-url': receiver.url('/ended'), 'notify.status-url': receiver.url('/status') };
      await inWorld({ miners, settings: { ...quick, ...urls, ...settings } }, (world) => body(world, receiver));
    } finally {
      await receiver.close();
    }
  });

describe('webhooks', { concurrency: 4 }, () => {
  withReceiver('a deallocation is told as the contract says, signed, and only when it was asked for',
    { settings: { 'notify.secret': 'a key of ours' } },
    async (world, receiver) => {
      const mine = await rent(world);
      await release(world, mine);
      await until('the webhook', () => receiver.kept.length === 1);
      const [{ path: at, headers, text, json }] = receiver.attempts;
      assert.equal(at, '/ended');
      assert.deepEqual(Object.keys(json), ['time', 'deallocated_at', 'hotkey', 'status', 'uuid']);
      assert.match(json.time, time);
      assert.match(json.deallocated_at, time);
      assert.ok(Math.abs(Date.parse(json.deallocated_at) - Date.now()) < 60_000);
      assert.deepEqual([json.hotkey, json.status, json.uuid], [mine.hotkey, 'DEALLOCATION', mine.uuid_key]);
      const signature = crypto.createHmac('sha256', 'a key of ours').update(text).digest('hex');
      assert.equal(headers['x-lode-signature'], `sha256=${signature}`);
      assert.equal(headers['content-type'], 'application/json');
      assert.match(headers['x-request-id'], /^[0-9a-f-]{36}$/);
      assert.ok(headers['x-lode-delivery']);
      await release(world, await rent(world), false);
      await release(world, await rent(world), true);
      await until('the second', () => receiver.kept.length === 2);
      assert.deepEqual(await notifications(world), [], 'and none waits');
    });

  withReceiver('a failed webhook is sent again: 500, a redirect, a close, half an answer, silence, then a yes', {},
    async (world, receiver) => {
      const elsewhere = await Receiver.open();
      try {
        const habits = [
          answers.status(500),
          answers.status(404),
          answers.status(302, { location: elsewhere.url('/stolen') }),
          answers.status(307, { location: elsewhere.url('/stolen') }),
          answers.hangUp,
          answers.cutOff,
          answers.silence,
          answers.status(204),
          answers.status(201),
        ];
        const errors = [];
        receiver.habit = (...args) => habits[receiver.attempts.length - 1](...args);
        const mine = await rent(world);
        await release(world, mine);
        await until('all attempts', async () => {
          for (const n of await notifications(world)) {
            assert.equal(n.state, 'pending');
            assert.equal(n.uuid, mine.uuid_key.slice(-4));
            if (n.last_error && errors.at(-1) !== n.last_error) errors.push(n.last_error);
          }
          return receiver.attempts.length === habits.length;
        }, { within: 60_000 });
        await until('an empty queue', async () => (await notifications(world)).length === 0);
        assert.deepEqual(receiver.kept.map((e) => e.uuid), [mine.uuid_key]);
        assert.equal(new Set(receiver.attempts.map((a) => a.text)).size, 1, 'the same body each time');
        assert.equal(new Set(receiver.attempts.map((a) => a.headers['x-lode-delivery'])).size, 1);
        assert.equal(new Set(receiver.attempts.map((a) => a.headers['x-request-id'])).size, habits.length);
        assert.equal(elsewhere.attempts.length, 0, 'a redirect is not followed');
        for (const [i, part] of ['500', '404', 'redirect', 'redirect', 'no answer', 'cut off', 'in time', '204'].entries())
          assert.ok(errors.some((e) => e.includes(part)), `${i}: ${part} in ${errors.join(' | ')}`);
      } finally {
        await elsewhere.close();
      }
    });

  withReceiver('a receiver that was down gets it when it comes back, and the renter does not wait for it', {},
    async (world, receiver) => {
      await receiver.close();
      const mine = await rent(world);
      const begun = Date.now();
      await release(world, mine);
      assert.ok(Date.now() - begun < 2000);
      await until('a failed attempt', async () => (await notifications(world))[0]?.attempts > 0);
      const [waiting] = await notifications(world, { state: 'pending' });
      assert.match(waiting.last_error, /no connection/);
      assert.deepEqual([waiting.event, waiting.url_kind, waiting.hotkey], ['DEALLOCATION', 'deallocation', mine.hotkey]);
      await receiver.open();
      await until('the webhook', () => receiver.kept.length === 1);
      assert.equal(receiver.kept[0].uuid, mine.uuid_key);
    });

  withReceiver('kill -9 between the reply and the delivery loses nothing', { miners: 3 }, async (world, receiver) => {
    await receiver.close();
    const all = [];
    for (let i = 0; i < 3; ++i) all.push(await rent(world, i));
    for (const one of all) await release(world, one);
    await world.kill();
    await receiver.open();
    await world.restart();
    await until('all of them', () => receiver.kept.length >= 3);
    assert.deepEqual(new Set(receiver.kept.map((e) => e.uuid)), new Set(all.map((a) => a.uuid_key)));
  });

  withReceiver('kill -9 at any moment, under a receiver that fails at random: at least once, and in order per allocation',
    { miners: 3, settings: { ...everySecond } },
    async (world, receiver) => {
      const random = seeded(20261125);
      const moods = [answers.ok, answers.ok, answers.status(500), answers.hangUp, answers.cutOff];
      receiver.habit = (...args) => moods[Math.floor(random() * moods.length)](...args);
      const all = [];
      for (let i = 0; i < 3; ++i) all.push(await rent(world, i));
      const offline = () => world.loded.lines().filter(({ msg }) => / offline \(axon/.test(msg)).length;
      const online = () => world.loded.lines().filter(({ msg }) => / online \(axon/.test(msg)).length;
      for (let round = 1; round <= 3; ++round) {
        const [down, up] = [offline(), online()];
        world.axons.forEach(stop);
        await until('offline', () => offline() >= down + 3, { within: 30_000 });
        world.axons.forEach(start);
        await until('online', () => online() >= up + 3, { within: 30_000 });
        await world.kill();
        await world.restart();
      }
      for (const one of all) await release(world, one);
      await world.kill();
      receiver.habit = answers.ok;
      await world.restart();
      await until('an empty queue', async () => (await notifications(world)).length === 0, { within: 60_000 });
      for (const { uuid_key: uuid } of all) {
        const seen = receiver.attempts.filter((a) => a.json.uuid === uuid);
        // Of what arrived, kept or not, repeats stand next to each other: nothing overtakes what is older.
        const ids = seen.map((a) => a.headers['x-lode-delivery']);
        const order = ids.filter((id, i) => id !== ids[i - 1]);
        assert.deepEqual(order, [...new Set(ids)].sort());
        const kept = new Map(seen.filter((a) => a.answered === 200).map((a) => [a.headers['x-lode-delivery'], a.json]));
        assert.deepEqual([...kept.values()].map((e) => e.status),
          ['OFFLINE', 'ONLINE', 'OFFLINE', 'ONLINE', 'OFFLINE', 'ONLINE', 'DEALLOCATION']);
      }
    });

  withReceiver('missed health checks are told: OFFLINE, then the end of the lease; the release goes on until confirmed',
    { settings: { 'jobs.allocation-check-seconds': 1, 'jobs.allocation-check-misses': 3 } },
    async (world, receiver) => {
      const mine = await rent(world);
      world.axons[0].setHabit('deregister', { kind: 'http', status: 500 });
      stop(world.axons[0]);
      await until('both', () => receiver.kept.length === 2, { within: 30_000 });
      const [offline, end] = receiver.kept;
      assert.deepEqual(Object.keys(offline), ['time', 'status_change_at', 'hotkey', 'status', 'uuid']);
      assert.match(offline.status_change_at, time);
      assert.deepEqual([offline.status, end.status], ['OFFLINE', 'DEALLOCATION']);
      assert.deepEqual(receiver.attempts.map((a) => a.path), ['/status', '/ended']);
      assert.deepEqual([offline.uuid, end.uuid], [mine.uuid_key, mine.uuid_key]);
      const tries = () => world.axons[0].calls.filter(({ action }) => action === 'deregister').length;
      await until('more tries than a renter waits for', () => tries() > 5);
      assert.equal((await world.api.slots()).get(mine.hotkey), 'reserved', 'not offered before its miner confirms');
      world.axons[0].clearHabits();
      await world.slotIs(mine.hotkey, 'available');
      assert.equal(receiver.attempts.length, 2, 'and told once');
    });

  withReceiver('with notify.status-every-check each check is told, and a receiver that is down is not told afterwards',
    { settings: { ...everySecond, 'notify.status-every-check': true } },
    async (world, receiver) => {
      await rent(world);
      await until('three', () => receiver.kept.length >= 3, { within: 30_000 });
      assert.ok(receiver.kept.every((e) => e.status === 'ONLINE'));
      assert.deepEqual(await notifications(world), []);
      await receiver.close();
      const from = world.axons[0].calls.length;
      await until('looks', () => world.axons[0].calls.length >= from + 3, { within: 30_000 });
      const before = receiver.attempts.length;
      await receiver.open();
      await until('the next', () => receiver.attempts.length > before, { within: 30_000 });
      stop(world.axons[0]);
      await until('offline', () => receiver.kept.at(-1).status === 'OFFLINE', { within: 30_000 });
    });

  withReceiver('what is given up is listed, survives kill -9 and can be sent again',
    { miners: 3, settings: { 'notify.queue': 1, 'notify.parallel': 1, 'notify.retry-seconds': 60,
      'notify.retry-max-seconds': 60 } },
    async (world, receiver) => {
      receiver.habit = answers.status(500);
      const all = [];
      for (let i = 0; i < 3; ++i) all.push(await rent(world, i));
      for (const one of all) {
        await release(world, one);
        await until('its attempt', () => receiver.attempts.some((a) => a.json.uuid === one.uuid_key));
        await until('its outcome', async () => (await notifications(world, { state: 'pending' }))[0]?.attempts === 1);
      }
      const dead = await notifications(world, { state: 'dead' });
      assert.deepEqual(dead.map((n) => n.uuid), all.slice(0, 2).map((a) => a.uuid_key.slice(-4)));
      assert.ok(dead.every((n) => n.last_error === 'too many webhooks wait' && n.next_at === null));
      await world.kill();
      await world.restart();
      assert.deepEqual((await notifications(world, { state: 'dead' })).map((n) => n.id), dead.map((n) => n.id));
      const { api } = world;
      const page = succeeded(await api.post('/admin/notifications', { query: { page_number: 2, page_size: 1 } }), listed);
      assert.equal(page.page_items.length, 1);
      assert.equal(page.next_page_number, 3);
      invalid(await api.post('/admin/notifications', { query: { state: 'lost' } }),
        { state: "Input should be 'pending' or 'dead'" });
      refused(await api.post('/admin/notifications/resend', { query: { id: 'nothing' } }), 404, 'No such notification.');
      receiver.habit = answers.ok;
      for (const { id } of await notifications(world)) {
        const data = succeeded(await api.post('/admin/notifications/resend', { body: { id } }), resent);
        assert.deepEqual(data, { count: 1 });
        await until('its delivery', async () => (await notifications(world)).every((n) => n.id !== id));
      }
      assert.deepEqual(new Set(receiver.kept.map((e) => e.uuid)), new Set(all.map((a) => a.uuid_key)));
      assert.deepEqual(succeeded(await api.post('/admin/notifications/resend'), resent), { count: 0 });
    });

  withReceiver('/test/notify sends one now and says what came of it', {}, async ({ api }, receiver) => {
    const notify = (query) => api.post('/test/notify', { query });
    succeeded(await notify({}), good);
    const given = { hotkey: 'some-hotkey', uuid_key: 'some-uuid-of-a-test', event: 'OFFLINE' };
    succeeded(await notify(given), good);
    const [first, second] = receiver.attempts;
    assert.equal(first.path, '/ended');
    assert.equal(first.json.status, 'DEALLOCATION');
    assert.equal(second.path, '/status');
    assert.deepEqual([second.json.hotkey, second.json.uuid, second.json.status],
      [given.hotkey, given.uuid_key, given.event]);
    refused(await notify({ event: 'PAUSED' }), 400, 'Error occurred while testing notify',
      'event must be DEALLOCATION, ONLINE or OFFLINE');
    assert.equal(receiver.attempts.length, 2);
    receiver.habit = answers.status(500);
    refused(await notify({ event: 'ONLINE' }), 400, bad, 'answered 500');
    receiver.habit = answers.silence;
    refused(await notify({}), 400, bad, 'no end in time of its answer');
    await receiver.close();
    const closed = await notify({});
    assert.equal(closed.json.message, bad);
    assert.match(closed.json.err_detail, /no connection/);
    assert.equal(receiver.attempts.length, 4, 'and it is not tried again');
  });

  test('without URLs nothing is queued, and a test says so at once', () =>
    inWorld({ miners: 1 }, async (world) => {
      await release(world, await rent(world));
      assert.deepEqual(await notifications(world), []);
      refused(await world.api.post('/test/notify'), 400, bad, 'No URL is set: notify.deallocation-url');
      refused(await world.api.post('/test/notify', { query: { event: 'ONLINE' } }), 400, bad,
        'No URL is set: notify.status-url');
    }));
});

describe('webhooks over TLS', () => {
  let dir;
  let ours;
  let receiver;
  const scene = (name, { tls = {}, names = 'DNS:localhost,IP:127.0.0.1', host = 'localhost', settings = () => ({}) }, body) =>
    test(name, async () => {
      dir = await fs.mkdtemp(path.join(os.tmpdir(), 'lode-test-'));
      try {
        ours = await authority(dir);
        const server = await ours.issue('server', names);
        receiver = await Receiver.open({ tls: { key: server.key, cert: server.cert, ...(await tls) } });
        const more = await settings(ours);
        const all = { ...quick, 'notify.deallocation-url': receiver.url('/x', host), ...more };
        await inWorld({ miners: 0, file: false, settings: all }, body);
      } finally {
        await receiver?.close();
        await fs.rm(dir, { recursive: true, force: true });
      }
    });
  const trusting = (ca) => ({ 'notify.ca-file': ca.file });

  scene('a certificate of notify.ca-file for the name of the URL is taken, with SNI', { settings: trusting },
    async ({ api }) => {
      succeeded(await api.post('/test/notify'), good);
      assert.equal(receiver.attempts[0].servername, 'localhost');
    });

  scene('one for a literal address too', { settings: trusting, host: '127.0.0.1' }, async ({ api }) => {
    succeeded(await api.post('/test/notify'), good);
  });

  scene('one of an authority that the system does not know is refused', {}, async ({ api }) => {
    const reply = await api.post('/test/notify');
    assert.equal(reply.json.message, bad);
    assert.match(reply.json.err_detail, /certificate was refused: (unable to get local issuer|self.signed)/);
    assert.equal(receiver.attempts.length, 0);
  });

  for (const host of ['localhost', '127.0.0.1'])
    scene(`one for another name than ${host} is refused`, { settings: trusting, names: 'DNS:receiver.example', host },
      async ({ api }) => {
        const reply = await api.post('/test/notify');
        assert.equal(reply.json.message, bad);
        assert.match(reply.json.err_detail, /certificate was refused: (hostname|IP address) mismatch/i);
        assert.equal(receiver.attempts.length, 0, 'nothing was sent');
      });

  test('a client certificate is shown to a receiver that asks for one; without it there is no acknowledgement', async () => {
    dir = await fs.mkdtemp(path.join(os.tmpdir(), 'lode-test-'));
    try {
      ours = await authority(dir);
      const server = await ours.issue('server', 'DNS:localhost');
      const client = await ours.issue('loded', 'DNS:loded.example');
      const tls = { key: server.key, cert: server.cert, ca: await fs.readFile(ours.file), requestCert: true };
      receiver = await Receiver.open({ tls });
      const url = { ...quick, 'notify.deallocation-url': receiver.url('/', 'localhost'), 'notify.ca-file': ours.file };
      const shown = { 'notify.client-cert-file': client.certFile, 'notify.client-key-file': client.keyFile };
      await inWorld({ file: false, settings: { ...url, ...shown } }, async ({ api }) => {
        succeeded(await api.post('/test/notify'), good);
        assert.equal(receiver.attempts[0].client, 'loded');
      });
      await inWorld({ file: false, settings: url }, async ({ api }) => {
        const reply = await api.post('/test/notify');
        assert.equal(reply.json.message, bad);
        assert.match(reply.json.err_detail, /certificate required|no answer|handshake/);
        assert.equal(receiver.attempts.length, 1);
      });
    } finally {
      await receiver?.close();
      await fs.rm(dir, { recursive: true, force: true });
    }
  });
});

describe('settings of webhooks', () => {
  const refusal = async (...flags) => {
    const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'lode-test-'));
    try {
      return await runToEnd(['--http.listen=127.0.0.1:0', `--storage.path=${path.join(dir, 'data')}`, ...flags]);
    } finally {
      await fs.rm(dir, { recursive: true, force: true });
    }
  };
  test('what cannot be used stops the start, and is named without being shown', async () => {
    for (const [flag, named] of [
      ['--notify.deallocation-url=http://h:99999/hidden', 'notify.deallocation-url'],
      ['--notify.status-url=http://a:b:c/hidden', 'notify.status-url'],
      ['--notify.secret-file=/nonexistent/secret', 'notify.secret-file'],
    ]) {
      const { code, stderr } = await refusal(flag);
      assert.equal(code, 2, stderr);
      assert.ok(stderr.includes(named), stderr);
      assert.ok(!stderr.includes('hidden'), stderr);
    }
    const https = '--notify.status-url=https://example.org/';
    for (const [flags, named] of [
      [[https, '--notify.ca-file=/nonexistent'], 'notify.ca-file'],
      [['--notify.client-cert-file=/nonexistent'], 'notify.client-key-file'],
      [['--notify.secret=x', '--notify.secret-file=/y'], 'notify.secret-file'],
    ]) {
      const { code, stderr } = await refusal(...flags);
      assert.equal(code, 2, stderr);
      assert.ok(stderr.includes(named), stderr);
    }
  });
});
