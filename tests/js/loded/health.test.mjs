// The allocation check: what a renter would see of a container decides, and only misses in a row end a lease.
import assert from 'node:assert/strict';
import { succeeded } from '../lib/replies.mjs';
import { until } from '../lib/wait.mjs';
import { inWorlds } from '../lib/world.mjs';

const made = 'Resource was successfully allocated';
const settings = { 'jobs.allocation-check-seconds': 1, 'jobs.allocation-check-misses': 3 };
const patient = { ...settings, 'jobs.allocation-check-misses': 6 };
const looks = (axon) => axon.calls.filter((call) => call.action === 'holds').length;
/** Resolves when `axon` was looked after `count` more times: the clock of these tests. */
const looked = (axon, count, from = looks(axon)) =>
  until(`${count} more looks`, () => looks(axon) >= from + count, { within: 30_000 });
const rent = async ({ api, axons }) => {
  const list = [];
  for (const axon of axons) list.push(succeeded(await api.allocateHotkey(axon.hotkey), made));
  return list;
};

// These wait for the daemon's clocks more than they work.
inWorlds('the allocation check', (withWorld) => {
  withWorld('a container that is gone ends its lease after the misses, and not before', { miners: 2, settings },
    async (world) => {
      const { api, axons } = world;
      const [broken] = await rent(world);
      await looked(axons[0], 1);
      axons[0].miner.stop();
      await looked(axons[0], 2);
      assert.equal((await api.allocations()).length, 2, 'two misses are not three');
      await world.slotIs(axons[0].hotkey, 'available');
      const left = await api.allocations();
      assert.deepEqual(left.map((a) => a.hotkey), [axons[1].hotkey], 'the healthy one is untouched');
      assert.equal(axons[0].container(), null, 'and what was left of the other is removed');
      assert.equal((await api.act('restart_docker', broken)).status, 404);
      const again = succeeded(await api.allocateHotkey(axons[0].hotkey), made);
      assert.notEqual(again.uuid_key, broken.uuid_key);
    });

  withWorld('a loss shorter than the misses releases nothing', { miners: 2, settings: patient }, async (world) => {
    const { api, axons } = world;
    const before = await rent(world);
    // Two rounds together are more than the misses; each leaves a busy machine time to bring the container back.
    for (let round = 0; round < 2; ++round) {
      const from = looks(axons[0]);
      axons[0].miner.stop();
      await looked(axons[0], 4, from);
      axons[0].container() ?? assert.fail('it was released too early');
      axons[0].miner.container.state = 'running';
      axons[0].miner.changed();
      await looked(axons[0], 2);
    }
    assert.deepEqual((await api.allocations()).map((a) => a.uuid_key).sort(), before.map((a) => a.uuid_key).sort());
  });

  withWorld('an axon that falls silent while the container serves releases nothing',
    { miners: 2, settings: { ...settings, 'allocation.check-timeout-ms': 500 } },
    async (world) => {
      const { api, axons } = world;
      await rent(world);
      axons[0].setHabit('holds', { kind: 'silence' });
      await looked(axons[0], 5);
      assert.equal((await api.allocations()).length, 2);
      axons[0].clearHabits();
    });

  withWorld('a paused container is neither looked at nor counted, however long', { miners: 2, settings }, async (world) => {
    const { api, axons } = world;
    const [paused] = await rent(world);
    succeeded(await api.act('pause_docker', paused), 'Resource paused successfully.');
    await looked(axons[1], 1);
    const before = looks(axons[0]);
    await looked(axons[1], 5);
    assert.ok(looks(axons[0]) <= before + 1, 'one look may have been under way');
    const states = (await api.allocations()).map((a) => [a.hotkey, a.state]);
    assert.deepEqual(new Map(states), new Map([[axons[0].hotkey, 'paused'], [axons[1].hotkey, 'active']]));
    assert.equal(axons[0].container().password, paused.ssh_password);
    succeeded(await api.act('unpause_docker', paused), 'Resource unpaused successfully.');
    await looked(axons[0], 4);
    assert.equal((await api.allocations()).length, 2, 'and after it the count begins anew');
  });

  withWorld('offline and online are said once each, of the right one, when a look shows it', { miners: 2, settings },
    async (world) => {
      const { api, axons } = world;
      const verdicts = () =>
        world.loded
          .lines()
          .map(({ msg }) => /^allocation (\S+): (offline|online) \(axon: .*, ssh: .*\)$/.exec(msg))
          .filter(Boolean)
          .map(([, hotkey, verdict]) => [hotkey, verdict]);
      const { hotkey } = axons[0];
      await rent(world);
      await looked(axons[0], 1);
      assert.deepEqual(verdicts(), [], 'nothing has changed');
      for (let round = 1; round <= 2; ++round) {
        axons[0].miner.stop();
        await until('offline', () => verdicts().length >= 2 * round - 1);
        axons[0].miner.container.state = 'running';
        axons[0].miner.changed();
        await until('online', () => verdicts().length >= 2 * round);
        await looked(axons[0], 1);
      }
      const once = [[hotkey, 'offline'], [hotkey, 'online']];
      assert.deepEqual(verdicts(), [...once, ...once]);
      assert.equal((await api.allocations()).length, 2);
    });

  withWorld('a roll-back that gets no answer: a dead miner is released all the same, a living one is not',
    { miners: 2, settings: { ...settings, 'allocation.action-timeout-ms': 300, 'allocation.check-timeout-ms': 500 } },
    async (world) => {
      const { api, axons } = world;
      const [dead, alive] = axons;
      const rented = await rent(world);
      for (const [i, axon] of axons.entries()) {
        axon.setHabit('pause', { kind: 'silence' });
        axon.setHabit('unpause', { kind: 'silence' });
        assert.equal((await api.act('pause_docker', rented[i])).status, 403);
      }
      // The container goes, and nobody answers there any more.
      dead.clearHabits();
      dead.setHabit('*', { kind: 'silence' });
      const from = looks(dead);
      dead.miner.remove();
      await until('the dead one is released', async () => (await api.allocations()).length < 2, { within: 30_000 });
      assert.ok(looks(dead) >= from + 2, 'after the misses, of which the first may have been under way');
      assert.ok(
        world.loded.lines().some(({ msg }) => msg === `allocation ${dead.hotkey}: 3 health checks missed in a row; released`),
      );
      await looked(alive, 4);
      assert.deepEqual((await api.allocations()).map((a) => a.uuid_key), [rented[1].uuid_key]);
      for (const axon of axons)
        for (const { action, outcome } of axon.calls)
          if (action === 'unpause') assert.notEqual(outcome, 200, 'no roll-back was answered until here');
      dead.clearHabits();
      alive.clearHabits();
      await world.slotIs(dead.hotkey, 'available', { within: 30_000 });
      // What waits behind the roll-back is done after it.
      succeeded(await api.act('restart_docker', rented[1]), 'Resource restarted successfully.');
      assert.equal(alive.container().state, 'running');
    });

  withWorld('rounds with nothing to look at do no harm', { miners: 1, settings }, async (world) => {
    const { api, axons } = world;
    // Nothing is live while the registration takes its time, for two rounds and more.
    axons[0].setHabit('register', { kind: 'slow', ms: 2500 }, { times: 1 });
    const mine = succeeded(await api.allocateSpec(), made);
    assert.deepEqual(await api.allocations(), [mine]);
    assert.match(world.loded.state, /^runs/);
  });
});
