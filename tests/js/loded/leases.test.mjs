// Leases through the real daemon: they end, are made longer, are warned of; and a look at the port when a renter asks.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { describe, test } from 'node:test';
import { later } from '../lib/clock.mjs';
import { Listener } from '../lib/listener.mjs';
import { Receiver } from '../lib/receiver.mjs';
import { invalid, isAllocation, leaseDays, refused, succeeded } from '../lib/replies.mjs';
import { until } from '../lib/wait.mjs';
import { inWorld, withSteps } from '../lib/world.mjs';

const made = 'Resource was successfully allocated';
const extended = 'Lease was extended successfully.';
const checked = 'Checked the SSH port.';
const noDetails = 'No allocation details found for the provided hotkey.';
const notExtended = 'Extension not successfully, please try again.';

withSteps('a lease that is made longer', { miners: 2 }, (step) => {
  let mine;
  let axon;
  step('by days; the reply is the allocation, and so is the listing', async ({ api, axons }) => {
    mine = succeeded(await api.allocateSpec({ timeline: 7 }), made);
    axon = axons.find(({ hotkey }) => hotkey === mine.hotkey);
    assert.equal(axon.container().timeline, 14, 'the miner leaves room for it');
    const longer = succeeded(await api.act('extend', mine, { days: 3 }), extended);
    isAllocation(longer, { hotkey: mine.hotkey, port: axon.sshPort });
    assert.equal(leaseDays(longer), 10);
    assert.deepEqual(longer, { ...mine, expires_at: longer.expires_at });
    assert.deepEqual(await api.allocations(), [longer]);
    mine = longer;
  });
  step('parameters of the body, as clients send them', async ({ api }) => {
    const body = { hotkey: mine.hotkey, uuid_key: mine.uuid_key, days: '1' };
    mine = succeeded(await api.post('/service/extend/', { body }), extended);
    assert.equal(leaseDays(mine), 11);
  });
  step('not beyond what the miner was told', async ({ api }) => {
    refused(await api.act('extend', mine, { days: 4 }), 400, notExtended,
      'the miner was told that the lease is 14 days at most: 3 more are possible');
    refused(await api.act('extend', mine, { days: 36_500 }), 400, notExtended,
      'the miner was told that the lease is 14 days at most: 3 more are possible');
    assert.deepEqual(await api.allocations(), [mine]);
  });
  step('a wrong UUID, no allocation, bad days', async ({ api, axons }) => {
    const other = axons.find(({ hotkey }) => hotkey !== mine.hotkey);
    for (const uuid_key of [crypto.randomUUID(), '', mine.uuid_key.slice(1)])
      refused(await api.act('extend', { hotkey: mine.hotkey, uuid_key }, { days: 1 }), 400, notExtended, 'Invalid UUID key');
    for (const hotkey of [other.hotkey, 'nobody', ''])
      refused(await api.act('extend', { ...mine, hotkey }, { days: 1 }), 404, noDetails);
    const required = 'Field required';
    invalid(await api.post('/service/extend'), { hotkey: required, uuid_key: required, days: required });
    invalid(await api.act('extend', mine, { days: 0 }), { days: 'Input should be greater than or equal to 1' });
    invalid(await api.act('extend', mine, { days: 36_501 }), { days: 'Input should be less than or equal to 36500' });
    invalid(await api.act('extend', mine, { days: 'a week' }), {
      days: 'Input should be a valid integer, unable to parse string as an integer',
    });
    assert.deepEqual(await api.allocations(), [mine]);
  });
  step('the miner hears nothing of it, and it survives kill -9', async (world) => {
    const calls = axon.calls.length;
    mine = succeeded(await world.api.act('extend', mine, { days: 2 }), extended);
    assert.equal(axon.calls.length, calls);
    await world.kill();
    await world.restart();
    assert.deepEqual(await world.api.allocations(), [mine]);
    assert.equal(leaseDays(mine), 13);
  });
  step('a paused container too', async ({ api }) => {
    succeeded(await api.act('pause_docker', mine), 'Resource paused successfully.');
    mine = succeeded(await api.act('extend', mine, { days: 1 }), extended);
    assert.deepEqual([leaseDays(mine), mine.state], [14, 'paused']);
    refused(await api.act('extend', mine, { days: 1 }), 400, notExtended,
      'the miner was told that the lease is 14 days at most: 0 more are possible');
    succeeded(await api.act('unpause_docker', mine), 'Resource unpaused successfully.');
  });
  step('beside an action that is held', async ({ api, axons }) => {
    const other = succeeded(await api.allocateHotkey(axons.find((a) => a !== axon).hotkey), made);
    const held = axons.find((a) => a !== axon).setHabit('restart', { kind: 'hold' }, { times: 1 });
    const acting = api.act('restart_docker', other);
    await held.arrived;
    assert.equal(leaseDays(succeeded(await api.act('extend', other, { days: 5 }), extended)), 35);
    held.release();
    succeeded(await acting, 'Resource restarted successfully.');
    await api.deallocate(other);
  });
  step('many at once get no more days than there are, and a release wins', async ({ api, axons }) => {
    const { hotkey } = axons.find((a) => a !== axon);
    const other = succeeded(await api.allocateHotkey(hotkey), made);
    const replies = await Promise.all(Array.from({ length: 12 }, () => api.act('extend', other, { days: 5 })));
    assert.deepEqual(replies.map(({ status }) => status).sort(), [...Array(6).fill(200), ...Array(6).fill(400)]);
    const [longest] = (await api.allocations()).filter((a) => a.hotkey === hotkey);
    assert.equal(leaseDays(longest), 60);
    await api.deallocate(other);
    const third = succeeded(await api.allocateHotkey(hotkey), made);
    const [before, released, after] = await Promise.all([
      api.act('extend', third, { days: 1 }),
      api.deallocate(third),
      api.act('extend', third, { days: 1 }),
    ]);
    succeeded(released, 'Resource deallocated successfully.');
    for (const reply of [before, after])
      if (reply.status === 200) succeeded(reply, extended);
      else refused(reply, 404, noDetails);
    assert.deepEqual((await api.allocations()).map((a) => a.hotkey), [mine.hotkey]);
    refused(await api.act('extend', third, { days: 1 }), 404, noDetails);
  });
});

/** Webhooks of a lease as "STATUS", in the order of arrival. */
const told = (receiver) => receiver.kept.map(({ status }) => status);

describe('time passes', { concurrency: 4 }, () => {
  const inTime = (name, settings, body) =>
    test(name, async () => {
      const receiver = await Receiver.open();
      try {
        const urls = { 'notify.deallocation-url': receiver.url('/ended'), 'notify.status-url': receiver.url('/status') };
        await inWorld({ miners: 1, settings: { ...urls, ...settings } }, (world) => body(world, receiver));
      } finally {
        await receiver.close();
      }
    });
  const restartedAt = async (world, hours) => {
    await world.stop();
    world.loded.env = later(hours);
    await world.restart();
  };
  const eventsOf = async (world) => {
    const listener = await Listener.open(world.loded.url, { since: 0 });
    await until('the past', () => listener.events.some(({ payload }) => payload.event === 'allocated'));
    const list = listener.events.map(({ payload }) => payload);
    listener.destroy();
    return list;
  };

  inTime('a lease is warned of once, also again after an extension, and really ends', {}, async (world, receiver) => {
    const [axon] = world.axons;
    let mine = succeeded(await world.api.allocateSpec({ timeline: 2 }), made);
    const begun = Date.parse(mine.created_at);
    await restartedAt(world, 23);
    assert.deepEqual(told(receiver), [], 'more than a day is left');
    await restartedAt(world, 25);
    await until('the warning', () => told(receiver).length === 1);
    const [{ json, path: at }] = receiver.attempts;
    assert.equal(at, '/status');
    assert.deepEqual([json.status, json.hotkey, json.uuid], ['EXPIRING', mine.hotkey, mine.uuid_key]);
    assert.deepEqual(Object.keys(json), ['time', 'status_change_at', 'hotkey', 'status', 'uuid', 'expires_at']);
    assert.equal(json.expires_at.replace(/\.\d{6}Z$/, 'Z'), mine.expires_at);
    const passed = (Date.parse(json.time) - begun) / 3_600_000;
    assert.ok(passed > 24.9 && passed < 25.1, `${passed} h`);
    const [warning] = (await eventsOf(world)).filter(({ event }) => event === 'expiring');
    assert.equal(warning.reason, `the lease ends at ${mine.expires_at}`);
    assert.equal(warning.state, 'active');
    await restartedAt(world, 26);
    mine = succeeded(await world.api.act('extend', mine, { days: 1 }), extended);
    assert.equal(leaseDays(mine), 3);
    await restartedAt(world, 47);
    assert.deepEqual(told(receiver), ['EXPIRING'], 'a restart does not repeat it');
    await restartedAt(world, 49);
    await until('the second warning', () => told(receiver).length === 2);
    assert.deepEqual(await world.api.allocations(), [mine], 'the old end has passed');
    assert.equal(axon.container().password, mine.ssh_password);
    await restartedAt(world, 71);
    assert.deepEqual(await world.api.allocations(), [mine]);
    await restartedAt(world, 73);
    await world.slotIs(mine.hotkey, 'available');
    assert.equal(axon.container(), null);
    await until('the end is told', () => told(receiver).length === 3);
    assert.deepEqual(told(receiver), ['EXPIRING', 'EXPIRING', 'DEALLOCATION']);
    refused(await world.api.act('extend', mine, { days: 1 }), 404, noDetails);
    assert.deepEqual(
      (await eventsOf(world)).map(({ event, reason }) => (event === 'released' ? reason : event)),
      ['reserved', 'allocated', 'expiring', 'extended', 'expiring', 'the lease has ended', 'gone'],
    );
  });

  inTime('a lease that ended while the daemon was down ends at its start, without a warning', {},
    async (world, receiver) => {
      const mine = succeeded(await world.api.allocateSpec({ timeline: 1 }), made);
      await restartedAt(world, 100);
      await world.slotIs(mine.hotkey, 'available');
      await until('the end is told', () => told(receiver).length === 1);
      assert.deepEqual(told(receiver), ['DEALLOCATION']);
    });

  inTime('a short lease is warned of when half of it has passed, none with warn-hours 0', {},
    async (world, receiver) => {
      succeeded(await world.api.allocateSpec({ timeline: 1 }), made);
      world.loded.settings['allocation.warn-hours'] = 0;
      await restartedAt(world, 13);
      // The log is in order: had it been armed, it would have been due before this is answered.
      assert.equal((await eventsOf(world)).some(({ event }) => event === 'expiring'), false);
      delete world.loded.settings['allocation.warn-hours'];
      await restartedAt(world, 13);
      await until('the warning', () => told(receiver).length === 1);
      assert.deepEqual(told(receiver), ['EXPIRING']);
    });
});

withSteps('a look at the port', { miners: 1 }, (step) => {
  let mine;
  const look = async (api) => succeeded(await api.act('check_port', mine), checked);
  step('what serves is open, healthy and eligible', async ({ api, axons }) => {
    mine = succeeded(await api.allocateHotkey(axons[0].hotkey), made);
    const seen = await look(api);
    assert.deepEqual(seen, {
      hotkey: mine.hotkey, ssh_ip: '127.0.0.1', ssh_port: axons[0].sshPort, port: 'open', reachable: true, healthy: true,
      eligible: true, misses: 0, checked_at: seen.checked_at,
    });
    assert.ok(Math.abs(Date.parse(seen.checked_at) - Date.now()) < 60_000);
  });
  step('a container that stopped is closed, however often one looks, and keeps its lease', async ({ api, axons }) => {
    axons[0].miner.stop();
    for (let i = 0; i < 25; ++i) {
      const { port, reachable, healthy, eligible, misses } = await look(api);
      assert.deepEqual([port, reachable, healthy, eligible, misses], ['closed', true, false, true, 0]);
    }
    assert.equal((await api.allocations()).length, 1);
    axons[0].miner.container.state = 'running';
    axons[0].miner.changed();
    assert.equal((await look(api)).healthy, true);
  });
  step('an axon that does not answer: not reachable, and healthy all the same', async ({ api, axons }) => {
    axons[0].setHabit('holds', { kind: 'silence' });
    const { port, reachable, healthy } = await look(api);
    assert.deepEqual([port, reachable, healthy], ['open', false, true]);
    axons[0].clearHabits();
  });
  step('many at once share one look', async ({ api, axons }) => {
    const held = axons[0].setHabit('holds', { kind: 'hold' }, { times: 1 });
    const from = axons[0].calls.length;
    const all = Array.from({ length: 20 }, () => look(api));
    await held.arrived;
    held.release();
    for (const { port } of await Promise.all(all)) assert.equal(port, 'open');
    // Requests that come when the first look is over get one of their own.
    assert.ok(axons[0].calls.slice(from).filter(({ action }) => action === 'holds').length <= 2);
  });
  step('errors as for the other calls about a rented one', async ({ api, axons }) => {
    const words = 'Check not successfully, please try again.';
    refused(await api.act('check_port', { ...mine, uuid_key: crypto.randomUUID() }), 400, words, 'Invalid UUID key');
    refused(await api.act('check_port', { ...mine, hotkey: 'nobody' }), 404, noDetails);
    invalid(await api.post('/service/check_port'), { hotkey: 'Field required', uuid_key: 'Field required' });
    succeeded(await api.act('pause_docker', mine), 'Resource paused successfully.');
    const from = axons[0].calls.length;
    refused(await api.act('check_port', mine), 403, 'An error occurred during check operation.', 'the container is paused');
    assert.equal(axons[0].calls.length, from);
    succeeded(await api.act('unpause_docker', mine), 'Resource unpaused successfully.');
  });
  step('a miner that is no longer listed is not eligible; it can still be looked at, but not kept', async (world) => {
    world.miners = [];
    await world.writeMiners();
    await until('it has left', async () => (await look(world.api)).eligible === false);
    refused(await world.api.act('extend', mine, { days: 1 }), 403, 'An error occurred during extend operation.',
      'the hotkey is no longer in the metagraph');
    succeeded(await world.api.deallocate(mine), 'Resource deallocated successfully.');
  });
});

test('a port that takes connections and says nothing is open and not healthy; without a listener it is closed', async () => {
  const server = net.createServer((socket) => socket.on('error', () => {}));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: sshPort } = server.address();
  try {
    await inWorld({ miners: [{ axon: { ssh: false, sshPort } }] }, async ({ api, axons }) => {
      const mine = succeeded(await api.allocateHotkey(axons[0].hotkey), made);
      const silent = succeeded(await api.act('check_port', mine), checked);
      assert.deepEqual([silent.ssh_port, silent.port, silent.healthy], [sshPort, 'open', false]);
      server.close();
      const gone = succeeded(await api.act('check_port', mine), checked);
      assert.deepEqual([gone.port, gone.healthy], ['closed', false]);
    });
  } finally {
    server.close();
  }
});
