// Many clients at once: every container goes to exactly one of them.
import assert from 'node:assert/strict';
import { refused, succeeded } from '../lib/replies.mjs';
import { spread, until } from '../lib/wait.mjs';
import { specsOf, withWorld } from '../lib/world.mjs';

const made = 'Resource was successfully allocated';
const none = ['Fail to allocate resource', 'Requested resource is not available.'];
// The stand-ins share one thread, which checks and makes signatures in JavaScript.
const patient = {
  'allocation.check-timeout-ms': 60_000,
  'allocation.register-timeout-ms': 60_000,
  'allocation.deregister-timeout-ms': 60_000,
};

withWorld('200 allocate_spec at once on 50 miners: 50 successes on 50 different ones, 150 refusals',
  { miners: 50, settings: patient },
  async (world) => {
    const { api, axons } = world;
    const replies = await Promise.all(Array.from({ length: 200 }, () => api.allocateSpec({}, {}, { timeout: 120_000 })));
    const won = replies.filter((reply) => reply.status === 200).map((reply) => succeeded(reply, made));
    assert.equal(won.length, 50);
    assert.equal(new Set(won.map((a) => a.hotkey)).size, 50);
    assert.equal(new Set(won.map((a) => a.uuid_key)).size, 50);
    for (const reply of replies) if (reply.status !== 200) refused(reply, 404, ...none);
    for (const axon of axons)
      assert.equal(axon.calls.filter((call) => call.action === 'register').length, 1, 'nobody is registered twice');
    const listed = await world.settles();
    const byHotkey = (a, b) => (a.hotkey < b.hotkey ? -1 : 1);
    assert.deepEqual([...listed].sort(byHotkey), [...won].sort(byHotkey));
    const ends = await spread(won, 16, (allocation) => api.deallocate(allocation));
    for (const end of ends) succeeded(end, 'Resource deallocated successfully.');
    assert.deepEqual(await world.settles(), []);
  });

withWorld('many clients on one miner: one gets it, again and again', { miners: 1 }, async (world) => {
  const { api, axons } = world;
  for (let round = 0; round < 5; ++round) {
    const asks = Array.from({ length: 20 }, (_, i) =>
      i % 2 === 0 ? api.allocateSpec() : api.allocateHotkey(axons[0].hotkey),
    );
    const replies = await Promise.all(asks);
    const won = replies.filter((reply) => reply.status === 200);
    assert.equal(won.length, 1);
    for (const reply of replies) if (reply.status !== 200) refused(reply, 404, ...none);
    const [listed] = await world.settles();
    assert.equal(listed.uuid_key, won[0].json.data.uuid_key);
    const ends = await Promise.all(Array.from({ length: 5 }, () => api.deallocate(listed)));
    assert.equal(ends.filter((reply) => reply.status === 200).length, 1, 'one of five ends it');
    for (const reply of ends) assert.ok([200, 404].includes(reply.status));
  }
});

withWorld('50 simulated miners, all at once: the same sum',
  { settings: { 'miners.simulated': 50, 'miners.simulated-latency-ms': 5 }, file: false },
  async ({ api }) => {
    const replies = await Promise.all(Array.from({ length: 200 }, () => api.allocateSpec({ gpu_size: 0 })));
    const won = replies.filter((reply) => reply.status === 200).map((reply) => reply.json.data);
    assert.equal(won.length, 50);
    assert.equal(new Set(won.map((a) => a.hotkey)).size, 50);
    assert.equal((await api.allocations()).length, 50);
    for (const end of await spread(won, 16, (allocation) => api.deallocate(allocation))) assert.equal(end.status, 200);
    assert.deepEqual(await api.allocations(), []);
  });

withWorld('50 simulated miners that fail and stall: what is acknowledged is what is listed, and nothing leaks',
  {
    file: false,
    settings: {
      'miners.simulated': 50,
      'miners.simulated-latency-ms': 2,
      'miners.simulated-failure-rate': 0.15,
      'miners.simulated-stall-rate': 0.05,
      'miners.simulated-seed': 4711,
      'allocation.check-timeout-ms': 300,
      'allocation.register-timeout-ms': 300,
      'allocation.deregister-timeout-ms': 300,
      'allocation.settle-ms': 2000,
    },
  },
  async ({ api }) => {
    const live = new Map();
    const ours = async (reply) => {
      if (reply.status !== 200) return refused(reply, 404, ...none);
      const allocation = succeeded(reply, made);
      assert.ok(!live.has(allocation.hotkey), `${allocation.hotkey} was given away twice`);
      live.set(allocation.hotkey, allocation);
      return undefined;
    };
    const worker = async (_, n) => {
      for (let i = 0; i < 12; ++i) {
        await ours(await api.allocateSpec({ gpu_size: 0 }));
        const [mine] = live.values();
        if (!mine || (n + i) % 3 === 0) continue;
        live.delete(mine.hotkey);
        succeeded(await api.deallocate(mine), 'Resource deallocated successfully.');
      }
    };
    await Promise.all(Array.from({ length: 16 }, worker));
    const listed = await api.allocations();
    assert.deepEqual(listed.map((a) => a.uuid_key).sort(), [...live.values()].map((a) => a.uuid_key).sort());
    await spread([...live.values()], 16, (allocation) => api.deallocate(allocation));
    await until('every slot is offered', async () => [...(await api.slots()).values()].every((s) => s === 'available'), {
      within: 60_000,
    });
    // A slot that is offered holds nothing. The probe fails as often as any call, so it is repeated until it is clear.
    let unclear = [...(await api.slots()).keys()];
    assert.equal(unclear.length, 50);
    await until('every miner says that it is free', async () => {
      const reply = await api.post('/service/check_miner_status', { body: unclear });
      const occupied = reply.json.data.filter((item) => item.status === 'Docker ONLINE');
      assert.deepEqual(occupied, [], 'a container was left behind');
      unclear = reply.json.data.filter((item) => item.status !== 'Docker OFFLINE').map((item) => item.hotkey);
      return unclear.length === 0;
    }, { within: 120_000 });
  });
