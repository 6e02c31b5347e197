// What operators take out of use, and what takes itself out: blacklist, cordon, drain and quarantine, and the dry run that
// says of each miner why it would be tried or not.
import assert from 'node:assert/strict';
import { Listener } from '../lib/listener.mjs';
import { samplesOf } from '../lib/metrics.mjs';
import { invalid, refused, succeeded } from '../lib/replies.mjs';
import { until } from '../lib/wait.mjs';
import { inWorlds, specsOf } from '../lib/world.mjs';

const made = 'Resource was successfully allocated';
const ended = 'Resource deallocated successfully.';
const none = [404, 'Fail to allocate resource', 'Requested resource is not available.'];
const blacklisted = [404, 'Fail to allocate resource, blacklisted', 'blacklisted'];
const kinds = ['blacklist', 'cordon', 'drain', 'quarantine'];

const mark = (api, { hotkey }, kind, reason) => api.post('/admin/mark', { query: { hotkey, mark: kind, reason } });
const unmark = (api, { hotkey }, kind) => api.post('/admin/unmark', { body: { hotkey, mark: kind } });
const marked = async (...args) => assert.equal(succeeded(await mark(...args), 'Miner was marked.'), undefined);
const unmarked = async (...args) => assert.equal(succeeded(await unmark(...args), 'Mark was removed.'), undefined);
const miners = async (api, query) =>
  succeeded(await api.post('/admin/miners', { query }), 'List miners successfully.').page_items;
const marksOf = async (api, { hotkey }) => (await miners(api, { hotkey }))[0].marks.map((m) => m.mark);
const explain = async (api, body, query) =>
  succeeded(await api.post('/admin/explain', { body, query }), 'Explained placement.').page_items;
const calls = (axon, action) => axon.calls.filter((call) => call.action === action).length;

inWorlds('marks', (withWorld) => {
  withWorld('each kind survives kill -9, and is minded before anything else is', { miners: kinds.length }, async (world) => {
    const { axons } = world;
    for (const [i, kind] of kinds.entries()) await marked(world.api, axons[i], kind, `reason ${i}`);
    const before = await miners(world.api);
    await world.kill();
    await world.restart();
    assert.deepEqual(await miners(world.api), before);
    for (const [i, { hotkey }] of axons.entries()) {
      const [{ marks, eligible, known, slot }] = await miners(world.api, { hotkey });
      assert.deepEqual({ eligible, known, slot }, { eligible: false, known: true, slot: 'free' });
      assert.equal(marks.length, 1);
      const { since, ...rest } = marks[0];
      assert.deepEqual(rest, { mark: kinds[i], reason: `reason ${i}`, by: '' });
      assert.ok(Math.abs(Date.parse(since) - Date.now()) < 120_000, since);
      const why = kinds[i] === 'blacklist' ? blacklisted : [404, none[1], `The miner takes nothing new (${kinds[i]}).`];
      refused(await world.api.allocateHotkey(hotkey), ...why);
    }
    refused(await world.api.allocateSpec(), ...none);
    assert.equal(axons.reduce((sum, axon) => sum + calls(axon, 'check'), 0), 0, 'no miner was asked');
    const samples = samplesOf((await world.api.get('/metrics')).text);
    for (const kind of kinds) assert.equal(samples.get(`lode_miners_marked{mark="${kind}"}`), 1, kind);

    for (const [i, kind] of kinds.entries()) await unmarked(world.api, axons[i], kind);
    await world.kill();
    await world.restart();
    for (const { hotkey } of axons) succeeded(await world.api.allocateHotkey(hotkey), made);
    for (const allocation of await world.api.allocations()) succeeded(await world.api.deallocate(allocation), ended);
  });

  withWorld('only a blacklist takes hotkeys that nobody has heard of; nonsense is named', { miners: 1 }, async ({ api, axons }) => {
    const stranger = { hotkey: '5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX' };
    for (const kind of kinds.slice(1)) refused(await mark(api, stranger, kind), 404, 'Unknown hotkey.');
    refused(await mark(api, { hotkey: `${stranger.hotkey.slice(0, -1)}Y` }, 'blacklist'), 404, 'Unknown hotkey.');
    refused(await mark(api, { hotkey: '' }, 'blacklist'), 404, 'Unknown hotkey.');
    await marked(api, stranger, 'blacklist', 'known for fraud');
    refused(await api.allocateHotkey(stranger.hotkey), ...blacklisted);
    const [seen] = await miners(api, stranger);
    assert.deepEqual([seen.known, seen.eligible, seen.ip], [false, false, '']);
    assert.equal((await miners(api)).length, 2);
    await unmarked(api, stranger, 'blacklist');
    refused(await unmark(api, stranger, 'blacklist'), 404, 'No such mark.');
    assert.equal((await miners(api)).length, 1);
    const named = "Input should be 'blacklist', 'cordon', 'drain' or 'quarantine'";
    invalid(await api.post('/admin/mark'), { hotkey: 'Field required', mark: 'Field required' });
    invalid(await mark(api, axons[0], 'ban'), { mark: named });
    invalid(await unmark(api, axons[0], 'ban'), { mark: named });
    invalid(await mark(api, axons[0], 'cordon', 'x'.repeat(513)), { reason: 'String should have at most 512 characters' });
    invalid(await mark(api, axons[0], 'cordon', 'two\nlines'), { reason: 'Input should be one line of text' });
  });

  withWorld('what runs goes on, and a drained miner says when it is empty', { miners: 1 }, async (world) => {
    const { axons: [axon] } = world;
    const mine = succeeded(await world.api.allocateHotkey(axon.hotkey), made);
    const listener = await Listener.open(world.loded.url);
    await marked(world.api, axon, 'drain', 'new driver');
    const heard = (event) => listener.heard(event, ({ type, payload }) => type === 'miner' && payload.event === event);
    const { time, ...rest } = (await heard('marked')).payload;
    assert.ok(Date.parse(time) > 0);
    assert.deepEqual(rest, { hotkey: axon.hotkey, event: 'marked', mark: 'drain', reason: 'new driver', by: '' });
    succeeded(await world.api.act('pause_docker', mine), 'Resource paused successfully.');
    succeeded(await world.api.act('unpause_docker', mine), 'Resource unpaused successfully.');
    const { last } = listener;
    assert.ok(!listener.events.some(({ payload }) => payload.event === 'drained'));
    refused(await world.api.act('extend', mine, { days: 1 }), 403, 'An error occurred during extend operation.',
      'The miner takes nothing new (drain): its lease runs out and is made no longer.');
    listener.socket.terminate();

    await world.kill();
    await world.restart();
    assert.equal((await world.api.allocations())[0].uuid_key, mine.uuid_key);
    const again = await Listener.open(world.loded.url, { since: last });
    succeeded(await world.api.deallocate(mine), ended);
    const empty = await again.heard('drained', ({ payload }) => payload.event === 'drained');
    assert.equal(empty.payload.hotkey, axon.hotkey);
    assert.ok(again.events.findIndex(({ payload }) => payload.event === 'gone') < again.events.indexOf(empty));
    refused(await world.api.allocateSpec(), ...none);
    again.socket.terminate();
  });

  withWorld('explain ranks as placement tries, and says why not', {
    miners: [40, 20, 30, 10, 50].map((gb) => ({ specs: specsOf({ mib: gb * 1000 }) })),
  }, async ({ api, axons }) => {
    const [large, small, middle, tiny, rented] = axons;
    const mine = succeeded(await api.allocateHotkey(rented.hotkey), made);
    const need = { gpu_size: 15, gpu_type: 'a4000' };
    const ranks = async () => new Map((await explain(api, need)).map(({ hotkey, rank }) => [hotkey, rank]));
    assert.deepEqual(await ranks(), new Map([[small, 1], [middle, 2], [large, 3], ...[tiny, rented].sort((a, b) => (a.hotkey < b.hotkey ? -1 : 1)).map((axon) => [axon, null])].map(([axon, rank]) => [axon.hotkey, rank])));
    await marked(api, small, 'cordon', 'new driver');
    const of = async ({ hotkey }) => (await explain(api, need, { hotkey }))[0];
    const cordoned = await of(small);
    assert.deepEqual([cordoned.fits, cordoned.rank, cordoned.reasons.length], [true, null, 1]);
    assert.match(cordoned.reasons[0], /^it is cordoned since 2\d{3}-\S+Z: new driver$/);
    assert.deepEqual(await of(tiny), { hotkey: tiny.hotkey, fits: false, rank: null, reasons: ['needs 15 GB of GPU memory, has 10'] });
    assert.deepEqual((await of(rented)).reasons, ['its slot is taken: its allocation is active']);
    assert.deepEqual(await of(middle), { hotkey: middle.hotkey, fits: true, rank: 1, reasons: [] });
    assert.deepEqual((await of({ hotkey: 'nobody' })).reasons, ['it is not in the metagraph']);
    const page = succeeded(await api.post('/admin/explain', { body: need, query: { page_number: 2, page_size: 2 } }), 'Explained placement.');
    assert.deepEqual([page.page_items.length, page.page_number, page.next_page_number], [2, 2, 3]);
    const next = succeeded(await api.allocateSpec(need), made);
    assert.equal(next.hotkey, middle.hotkey, 'as it was explained');
    for (const allocation of [mine, next]) succeeded(await api.deallocate(allocation), ended);
  });

  withWorld('an axon that keeps failing is quarantined, also after kill -9, until an operator says otherwise',
    { miners: 1, settings: { 'placement.quarantine-failures': 3 } }, async (world) => {
      const { axons: [axon] } = world;
      axon.setHabit('check', { kind: 'http', status: 403 });
      for (let i = 0; i < 4; ++i) refused(await world.api.allocateSpec(), ...none);
      assert.deepEqual(await marksOf(world.api, axon), [], 'that it does not take our hotkey may be our fault');
      axon.setHabit('check', { kind: 'http', status: 500 });
      for (let i = 0; i < 3; ++i) refused(await world.api.allocateSpec(), ...none);
      await until('it is quarantined', async () => (await marksOf(world.api, axon)).join() === 'quarantine');
      const [{ marks: [{ by, reason }] }] = await miners(world.api);
      assert.equal(by, 'lode');
      assert.match(reason, /^3 placements in a row failed, the last with miner_failed/);
      axon.clearHabits();
      const asked = calls(axon, 'check');
      refused(await world.api.allocateSpec(), ...none);
      await world.kill();
      await world.restart();
      refused(await world.api.allocateSpec(), ...none);
      refused(await world.api.allocateHotkey(axon.hotkey), 404, none[1], 'The miner takes nothing new (quarantine).');
      assert.equal(calls(axon, 'check'), asked, 'it was left alone');
      await unmarked(world.api, axon, 'quarantine');
      succeeded(await world.api.deallocate(succeeded(await world.api.allocateSpec(), made)), ended);
    });
});
