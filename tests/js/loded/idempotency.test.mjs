// The header idempotency-key on the two allocate calls: whoever lost a reply asks again and gets the allocation that was
// made, never a second one; across restarts, kills and many calls at once.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import { failed, invalid, refused, sshKey, succeeded } from '../lib/replies.mjs';
import { seeded, until } from '../lib/wait.mjs';
import { inWorld, inWorlds } from '../lib/world.mjs';

const made = 'Resource was successfully allocated';
const ended = 'Resource deallocated successfully.';
const none = ['Fail to allocate resource', 'Requested resource is not available.'];
const under = (key) => ({ headers: { 'idempotency-key': key } });
const replayed = (reply) => reply.headers['idempotency-replayed'] === 'true';
const other = { 'idempotency-key': 'This key was used with another request' };

inWorlds('idempotency-key', (withWorld) => {
  withWorld('the same call again is answered with the first reply, also after a restart and after the release',
    { miners: 2 },
    async (world) => {
      const ask = () => world.api.allocateSpec({}, {}, under('order-1'));
      const first = await ask();
      const mine = succeeded(first, made);
      assert.ok(!replayed(first));
      const again = async () => {
        const reply = await ask();
        assert.deepEqual(succeeded(reply, made), mine);
        assert.equal(reply.text, first.text, 'to the byte');
        assert.ok(replayed(reply));
      };
      await again();
      assert.equal((await world.settles()).length, 1);
      await world.stop();
      await world.start();
      await again();
      await world.kill();
      await world.start();
      await again();
      succeeded(await world.api.deallocate(mine), ended);
      await again();
      assert.deepEqual(await world.settles(), [], 'a replay rents nothing');
      const calls = world.axons.flatMap((axon) => axon.calls);
      assert.equal(calls.filter((call) => call.action === 'register').length, 1);
    });

  withWorld('what counts is what the request says, not how; another request is a 422', { miners: 3 }, async (world) => {
    const { api, axons } = world;
    const ssh = sshKey();
    const raw = (text) => api.post('/service/allocate_spec', { raw: text, ...under('order-2') });
    const mine = succeeded(
      await raw(`{"requirements":{"gpu_type":"gpu","ram":1},"docker_requirement":{"ssh_key":"${ssh}"}}`),
      made,
    );
    const same = await raw(`{"docker_requirement": {"base_image":"ubuntu", "ssh_key":"${ssh}"},\n
      "requirements": {"ram":1.0, "gpu_type":"gpu", "cpu_count":1}}`);
    assert.deepEqual(succeeded(same, made), mine);
    for (const [requirements, docker] of [
      [{ ram: 2 }, { ssh_key: ssh }],
      [{}, { ssh_key: sshKey() }],
      [{}, {}],
    ])
      invalid(await api.allocateSpec(requirements, docker, under('order-2')), other);
    const free = axons.find((axon) => axon.hotkey !== mine.hotkey);
    invalid(await api.allocateHotkey(free.hotkey, under('order-2')), other);
    assert.equal((await world.settles()).length, 1);

    // In the query or in the body, and without a default that is spelt out: one request.
    const first = await api.allocateHotkey(free.hotkey, under('order-3'));
    const second = await api.post('/service/allocate_hotkey', {
      body: { hotkey: free.hotkey, base_image: 'ubuntu' },
      ...under('order-3'),
    });
    assert.deepEqual(succeeded(second, made), succeeded(first, made));
    assert.ok(replayed(second));
  });

  withWorld('a key is 1 to 128 printable characters', { miners: 2 }, async (world) => {
    const wrong = { 'idempotency-key': 'Input should be 1 to 128 printable ASCII characters without spaces' };
    for (const key of ['', 'a b', 'x'.repeat(129), 'caf\u00e9'])
      invalid(await world.api.allocateSpec({}, {}, under(key)), wrong);
    invalid(await world.api.allocateHotkey(world.axons[0].hotkey, under('a b')), wrong);
    assert.deepEqual(await world.api.allocations(), []);
    const longest = under('~'.repeat(128));
    const mine = succeeded(await world.api.allocateSpec({}, {}, longest), made);
    assert.deepEqual(succeeded(await world.api.allocateSpec({}, {}, longest), made), mine);
    const [, ...more] = await Promise.all([world.api.allocateSpec(), world.api.allocateSpec()]);
    assert.ok(more.every((reply) => !replayed(reply)), 'without the header each call is one of its own');
  });

  withWorld('a failure that changed nothing is not kept: the same call is tried anew', { miners: 1 }, async (world) => {
    const [axon] = world.axons;
    const mine = succeeded(await world.api.allocateSpec(), made);
    const ask = () => world.api.allocateSpec({}, {}, under('order-4'));
    refused(await ask(), 404, ...none);
    refused(await world.api.allocateHotkey(axon.hotkey, under('order-5')), 404, ...none);
    succeeded(await world.api.deallocate(mine), ended);
    await world.slotIs(axon.hotkey, 'available');
    const reply = await ask();
    const second = succeeded(reply, made);
    assert.ok(!replayed(reply));
    assert.notEqual(second.uuid_key, mine.uuid_key);
  });

  withWorld('50 calls at once under one key: one allocation and 50 equal replies', { miners: 3 }, async (world) => {
    for (const axon of world.axons) axon.setHabit('register', { kind: 'slow', ms: 300 });
    const replies = await Promise.all(
      Array.from({ length: 50 }, () => world.api.allocateSpec({}, {}, under('order-6'))),
    );
    for (const reply of replies) assert.equal(reply.text, replies[0].text);
    succeeded(replies[0], made);
    assert.equal(replies.filter((reply) => !replayed(reply)).length, 1);
    const differs = await world.api.allocateSpec({ ram: 2 }, {}, under('order-6'));
    invalid(differs, other);
    assert.equal((await world.settles()).length, 1);
  });

  withWorld('killed after the record and before the reply: the retry gets that allocation', { miners: 2 },
    async (world) => {
      for (const axon of world.axons) axon.setHabit('register', { kind: 'slow', ms: 700 });
      const ask = (options) => world.api.allocateSpec({}, {}, { ...under('order-7'), ...options });
      await assert.rejects(ask({ timeout: 300 }), 'its connection broke');
      const [listed] = await until('it is made', async () => {
        const list = await world.api.allocations();
        return list.length > 0 && list;
      });
      await world.kill();
      await world.start();
      const reply = await ask();
      assert.deepEqual(succeeded(reply, made), listed);
      assert.ok(replayed(reply));
      assert.equal((await world.settles()).length, 1);
    });

  for (const acted of [false, true])
    withWorld(`killed before the record, the miner ${acted ? 'has acted' : 'acts later'}: the retry gets a fresh one`,
      { miners: 1 },
      async (world) => {
        const [axon] = world.axons;
        const held = axon.setHabit('register', { kind: 'hold', acted }, { times: 1 });
        const ask = () => world.api.allocateHotkey(axon.hotkey, under('order-8'));
        const gone = assert.rejects(ask());
        await held.arrived;
        await world.kill();
        held.release();
        await gone;
        await world.start();
        assert.deepEqual(await world.settles(), [], 'undone');
        const reply = await ask();
        succeeded(reply, made);
        assert.ok(!replayed(reply));
        assert.equal((await world.settles()).length, 1);
      });

  withWorld('keys are bounded: the oldest goes, and none while its call is under way',
    { miners: 4, settings: { 'idempotency.keys': 2 } },
    async (world) => {
      const [a, b, c, d] = world.axons;
      const ask = (axon, key) => world.api.allocateHotkey(axon.hotkey, under(key));
      const first = succeeded(await ask(a, 'a'), made);
      succeeded(await ask(b, 'b'), made);
      const held = [c, d].map((axon) => axon.setHabit('register', { kind: 'hold' }, { times: 1 }));
      const waiting = [ask(c, 'c'), ask(d, 'd')];
      await Promise.all(held.map((one) => one.arrived));
      failed(await ask(a, 'a'), 503);
      for (const one of held) one.release();
      for (const reply of await Promise.all(waiting)) succeeded(reply, made);
      // `a` was forgotten, so it is a call of its own now, on a miner that is taken.
      refused(await ask(a, 'a'), 404, ...none);
      assert.ok((await world.settles()).some((one) => one.uuid_key === first.uuid_key));
    });
});

// Rounds of allocate calls under keys, each ended by a kill at a random moment; whoever got no answer asks again.
const seed = Number(process.env.LODE_FAULT_SEED ?? 20261125);
const rounds = Number(process.env.LODE_FAULT_ROUNDS ?? 12);

test(`kill -9 at random moments, seed ${seed}: each key comes to one allocation`, () =>
  inWorld({ miners: 12 }, async (world) => {
    const random = seeded(seed);
    const outcomes = new Map(); // key -> its allocation, once it was told
    let lostReplies = 0;
    let replays = 0;
    for (const axon of world.axons) axon.setHabit('register', { kind: 'slow', ms: Math.floor(random() * 250) });
    const ask = async (key) => {
      const reply = await world.api.allocateSpec({}, {}, under(key));
      assert.ok([200, 404].includes(reply.status), reply.text);
      if (reply.status !== 200) return;
      if (replayed(reply)) replays += 1;
      const told = outcomes.get(key);
      if (told) assert.deepEqual(reply.json.data, told, `${key} came to two allocations`);
      outcomes.set(key, reply.json.data);
    };
    for (let round = 1; round <= rounds; ++round) {
      const keys = Array.from({ length: 6 }, (_, i) => `round-${round}-${i}`);
      let over = false;
      const unanswered = [];
      const asked = Promise.all(
        keys.map((key) =>
          ask(key).catch((error) => {
            if (error.code === 'ERR_ASSERTION' || !over) throw error;
            unanswered.push(key);
          }),
        ),
      );
      await Promise.race([pause(20 + random() * 400), asked]); // the moment is random: nothing is waited for
      over = true;
      await world.kill();
      await asked;
      lostReplies += unanswered.length;
      await world.start();
      await world.settles();
      // Those that were told are told the same; the others get what was made for them, or one now.
      await Promise.all(keys.filter((key) => outcomes.has(key) || unanswered.includes(key)).map(ask));
      const listed = await world.settles();
      const known = keys.filter((key) => outcomes.has(key)).map((key) => outcomes.get(key).uuid_key);
      assert.equal(new Set(known).size, known.length, `round ${round}: two keys share an allocation`);
      assert.deepEqual(listed.map((one) => one.uuid_key).sort(), known.sort(), `round ${round}: lost, or made twice`);
      for (const allocation of listed) succeeded(await world.api.deallocate(allocation), ended);
      assert.deepEqual(await world.settles(), []);
    }
    assert.ok(lostReplies > 0, 'there were replies to lose');
    assert.ok(replays > 0, 'there was something to tell again');
  }));
