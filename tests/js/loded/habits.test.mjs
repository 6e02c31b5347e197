// Existing miners behave badly in every way that they know; each must end in the right outcome, leave no container
// behind and be offered again.
import assert from 'node:assert/strict';
import { nonsenses } from '../habits.mjs';
import { refused, succeeded } from '../lib/replies.mjs';
import { spread, until } from '../lib/wait.mjs';
import { specsOf, withWorld } from '../lib/world.mjs';

const made = 'Resource was successfully allocated';
const none = ['Fail to allocate resource', 'Requested resource is not available.'];
const titleOf = ({ kind, ...rest }) => [kind, ...Object.values(rest)].join(' ');

const httpHabits = [401, 403, 408, 500].map((status) => ({ kind: 'http', status }));
// These only spoil the access, which a check does not have; a wrong content type alone does no harm.
const harmless = ['content-type'];
const ofAccess = Object.keys(nonsenses).filter((what) => what.startsWith('info-'));
const nonsense = (without) =>
  Object.keys(nonsenses)
    .filter((what) => !without.includes(what))
    .map((what) => ({ kind: 'nonsense', what }));

const badAtCheck = [
  { kind: 'refuse' },
  { kind: 'silence' },
  { kind: 'close' },
  { kind: 'late' },
  ...httpHabits,
  ...nonsense([...harmless, ...ofAccess]),
];
const badAtRegister = [
  { kind: 'refuse' },
  { kind: 'silence' },
  { kind: 'silence', act: true },
  { kind: 'close' },
  { kind: 'drop' },
  { kind: 'late' },
  ...httpHabits,
  ...nonsense(harmless),
  { kind: 'nonsense', what: 'not-json', act: false },
];
const cases = [
  ...badAtCheck.map((habit) => ({ action: 'check', habit })),
  ...badAtRegister.map((habit) => ({ action: 'register', habit })),
];

// For each case two miners that only it asks for by the name of their GPU; the small one is tried first.
const pairs = cases.flatMap((_, i) => [
  { specs: specsOf({ gpu: `Model ${i}.`, mib: 16000 }) },
  { specs: specsOf({ gpu: `Model ${i}.`, mib: 24000 }) },
]);
const short = {
  'allocation.check-timeout-ms': 2500,
  'allocation.register-timeout-ms': 3000,
  'allocation.hotkey-register-timeout-ms': 3000,
  'allocation.hotkey-check-tries': 1,
};

withWorld('allocate_spec goes on to the next miner, whatever the first one does', { miners: pairs, settings: short },
  async (world) => {
    const { api, axons } = world;
    const problems = await spread(cases, 12, async ({ action, habit }, i) => {
      const [first, second] = [axons[2 * i], axons[2 * i + 1]];
      try {
        const bad = first.setHabit(action, habit, { times: 1 });
        const mine = succeeded(await api.allocateSpec({ gpu_type: `model ${i}.`, gpu_size: 8 }), made);
        assert.equal(mine.hotkey, second.hotkey, 'the next candidate');
        await bad.arrived;
        assert.equal(second.container().password, mine.ssh_password);
        assert.equal(first.calls.filter((call) => call.action === 'register').length, action === 'register' ? 1 : 0);
        await world.slotIs(first.hotkey, 'available');
        assert.equal(first.container(), null, 'nothing is left on the one that was passed over');
        if (action === 'register') {
          const again = succeeded(await api.allocateHotkey(first.hotkey), made);
          assert.equal(first.container().password, again.ssh_password);
          succeeded(await api.deallocate(again), 'Resource deallocated successfully.');
        }
        succeeded(await api.deallocate(mine), 'Resource deallocated successfully.');
        assert.equal(first.container(), null);
        assert.equal(second.container(), null);
        return [];
      } catch (error) {
        return [`${action}, ${titleOf(habit)}: ${error.message}`];
      }
    });
    assert.deepEqual(problems.flat(), []);
  });

withWorld('allocate_hotkey has no next miner: 404, nothing left, offered again',
  { miners: cases.length, settings: short },
  async (world) => {
    const { api, axons } = world;
    const problems = await spread(cases, 12, async ({ action, habit }, i) => {
      const axon = axons[i];
      try {
        axon.setHabit(action, habit, { times: 1 });
        refused(await api.allocateHotkey(axon.hotkey), 404, ...none);
        await world.slotIs(axon.hotkey, 'available');
        assert.equal(axon.container(), null);
        return [];
      } catch (error) {
        return [`${action}, ${titleOf(habit)}: ${error.message}`];
      }
    });
    assert.deepEqual(problems.flat(), []);
  });

withWorld('a slow miner and a wrong content type are no reason to go elsewhere',
  { miners: 2, settings: { 'allocation.check-timeout-ms': 5000 } },
  async ({ api, axons }) => {
    axons[0].setHabit('check', { kind: 'slow', ms: 300 }, { times: 1 });
    axons[0].setHabit('register', { kind: 'slow', ms: 1500 }, { times: 1 });
    axons[1].setHabit('check', { kind: 'nonsense', what: 'content-type' }, { times: 1 });
    axons[1].setHabit('register', { kind: 'nonsense', what: 'content-type' }, { times: 1 });
    for (const axon of axons) {
      const mine = succeeded(await api.allocateHotkey(axon.hotkey), made);
      assert.equal(axon.container().password, mine.ssh_password);
      await api.deallocate(mine);
    }
  });

withWorld('a miner that is silent at first is asked three times',
  { miners: 1, settings: { 'allocation.check-timeout-ms': 500 } },
  async ({ api, axons }) => {
    axons[0].setHabit('check', { kind: 'silence' }, { times: 2 });
    const mine = succeeded(await api.allocateHotkey(axons[0].hotkey), made);
    assert.equal(axons[0].calls.filter((call) => call.action === 'check').length, 3);
    await api.deallocate(mine);
    axons[0].setHabit('check', { kind: 'silence' }, { times: 3 });
    refused(await api.allocateHotkey(axons[0].hotkey), 404, ...none);
  });

withWorld('miners that nobody can reach, and one without the at command', { miners: [{}, {}, { axon: { at: false } }] },
  async (world) => {
    const { api, axons } = world;
    await axons[0].close();
    refused(await api.allocateHotkey(axons[0].hotkey), 404, ...none);
    // Without `at` it says no although the container runs.
    refused(await api.allocateHotkey(axons[2].hotkey), 404, ...none);
    await world.slotIs(axons[2].hotkey, 'available');
    assert.equal(axons[2].container(), null);
    const mine = succeeded(await api.allocateSpec(), made);
    assert.equal(mine.hotkey, axons[1].hotkey);
    await api.deallocate(mine);
  });

withWorld('a miner that already runs a container of somebody else is left alone', { miners: 1 }, async ({ api, axons }) => {
  const [axon] = axons;
  axon.miner.container = { id: 0, name: 'ssh-container', state: 'running', password: 'of-another-validator' };
  refused(await api.allocateSpec(), 404, ...none);
  refused(await api.allocateHotkey(axon.hotkey), 404, ...none);
  assert.equal(axon.container().password, 'of-another-validator');
  assert.ok(axon.calls.every((call) => call.action !== 'register'));
  axon.miner.remove();
});

withWorld('a registration that lands after the deregisters were answered is undone too',
  { miners: 1, settings: { 'allocation.register-timeout-ms': 1000, 'allocation.settle-ms': 3000 } },
  async (world) => {
    const { api, axons } = world;
    const [axon] = axons;
    // A miner whose handler does yield: the deregister overtakes the register.
    const held = axon.setHabit('register', { kind: 'hold', blocks: false }, { times: 1 });
    refused(await api.allocateSpec(), 404, ...none);
    await axon.called((call) => call.action === 'deregister' && call.outcome === 200);
    assert.equal(axon.container(), null);
    held.release();
    await axon.containerIs((container) => container !== null);
    await axon.containerIs((container) => container === null);
    await world.slotIs(axon.hotkey, 'available');
  });

withWorld('deregisters that are refused, lost or answered with nonsense are repeated until one is confirmed',
  { miners: 6 },
  async (world) => {
    const { api, axons } = world;
    const habits = [
      { kind: 'refuse' },
      { kind: 'close' },
      { kind: 'drop' },
      { kind: 'silence', act: true },
      { kind: 'nonsense', what: 'status-missing' },
      { kind: 'late' },
    ];
    await spread(habits, habits.length, async (habit, i) => {
      const mine = succeeded(await api.allocateHotkey(axons[i].hotkey), made);
      axons[i].setHabit('deregister', habit, { times: 1 });
      succeeded(await api.deallocate(mine), 'Resource deallocated successfully.');
      await world.slotIs(axons[i].hotkey, 'available');
      assert.equal(axons[i].container(), null, titleOf(habit));
    });
    await until('the listing is empty', async () => (await api.allocations()).length === 0);
  });
