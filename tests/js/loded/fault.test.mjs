// kill -9 of the daemon at every moment of an allocation's life, then a start on the same data. What was acknowledged is
// there as it was, what was not leaves no container, each hotkey is rented at most once (I1 to I3).
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { succeeded, sshKey } from '../lib/replies.mjs';
import { seeded, soon, until } from '../lib/wait.mjs';
import { inWorlds, withWorld } from '../lib/world.mjs';

const made = 'Resource was successfully allocated';
const ended = 'Resource deallocated successfully.';
/** What comes of a request whose server is killed. */
const lost = (request) =>
  request.then(
    (reply) => assert.fail(`it was answered: ${reply.text}`),
    (error) => error,
  );
const uuids = (list) => list.map((a) => a.uuid_key).sort();
const calls = (axon, action) => axon.calls.filter((call) => call.action === action).length;

/** The moments at which what is held at the stand-in goes on: while the daemon is down, or when it is up again. */
const whens = ['while it is down', 'after the start'];
const restart = async (world, held, when) => {
  await world.kill();
  if (when === whens[0]) held.release();
  await world.start();
  if (when === whens[1]) held.release();
};

inWorlds('kill -9', (withWorld) => {
  withWorld('before the intent: nothing happened', { miners: 1 }, async (world) => {
    const [axon] = world.axons;
    const held = axon.setHabit('check', { kind: 'hold' }, { times: 1 });
    const gone = lost(world.api.allocateSpec());
    await held.arrived;
    await restart(world, held, whens[0]);
    await gone;
    assert.equal((await world.api.slots()).get(axon.hotkey), 'available', 'no intent, so nothing to undo');
    assert.deepEqual(await world.settles(), []);
    assert.equal(calls(axon, 'register'), 0);
    await world.api.deallocate(succeeded(await world.api.allocateSpec(), made));
  });

  for (const acted of [false, true])
    for (const when of whens)
      withWorld(
        `after the intent, the miner ${acted ? 'has acted' : 'acts'}, its answer comes ${when}: undone`,
        { miners: 1 },
        async (world) => {
          const [axon] = world.axons;
          const held = axon.setHabit('register', { kind: 'hold', acted }, { times: 1 });
          const gone = lost(world.api.allocateSpec());
          await held.arrived;
          await restart(world, held, when);
          await gone;
          assert.deepEqual(await world.api.allocations(), [], 'nobody was told of it');
          assert.deepEqual(await world.settles(), []);
          assert.equal(axon.miner.made, 1);
          await world.api.deallocate(succeeded(await world.api.allocateSpec(), made));
        },
      );

  withWorld('after the intent, and again while it is undone', { miners: 1 }, async (world) => {
    const [axon] = world.axons;
    const held = axon.setHabit('register', { kind: 'hold', acted: true }, { times: 1 });
    const gone = lost(world.api.allocateSpec());
    await held.arrived;
    for (const acted of [false, true]) {
      const release = axon.setHabit('deregister', { kind: 'hold', acted }, { times: 1 });
      await restart(world, held, whens[0]);
      await release.arrived;
      assert.equal((await world.api.slots()).get(axon.hotkey), 'reserved');
      await world.kill();
      release.release();
      await world.start();
    }
    await gone;
    assert.deepEqual(await world.settles(), []);
  });

  withWorld('after the record: the allocation is there, unharmed, and its UUID works', { miners: 3 }, async (world) => {
    const { axons } = world;
    const mine = [];
    for (const axon of axons.slice(0, 2)) mine.push(succeeded(await world.api.allocateHotkey(axon.hotkey), made));
    await world.kill();
    await world.start();
    const byHotkey = (a, b) => (a.hotkey < b.hotkey ? -1 : 1);
    const listed = await world.settles();
    assert.deepEqual(listed.sort(byHotkey), [...mine].sort(byHotkey));
    for (const axon of axons.slice(0, 2)) assert.equal(axon.container().id, 1, 'the same container');
    succeeded(await world.api.act('restart_docker', mine[0]), 'Resource restarted successfully.');
    assert.equal((await world.api.act('restart_docker', { ...mine[0], uuid_key: mine[1].uuid_key })).status, 400);
    const third = succeeded(await world.api.allocateSpec(), made);
    assert.equal(third.hotkey, axons[2].hotkey, 'the others are taken');
    await world.kill();
    await world.start();
    for (const allocation of [...mine, third]) succeeded(await world.api.deallocate(allocation), ended);
    assert.deepEqual(await world.settles(), []);
  });

  for (const reads of [false, true])
    withWorld(`after the record, ${reads ? 'its renter has read the status line' : 'before its renter has read the reply'}: it is listed and whole`,
      { miners: 1 },
      async (world) => {
        const [axon] = world.axons;
        const { hostname, port } = new URL(world.loded.url);
        const socket = net.connect({ host: hostname, port: Number(port) });
        try {
          // Paused: what the daemon sends stays in the kernel, as on a line that breaks there.
          socket.pause();
          const target = `/service/allocate_hotkey?hotkey=${axon.hotkey}`;
          socket.write(`POST ${target} HTTP/1.1\r\nhost: ${hostname}\r\ncontent-length: 0\r\n\r\n`);
          if (reads) {
            await soon('the reply begins', once(socket, 'readable'), 20_000);
            assert.match(String(socket.read(12)), /^HTTP\/1\.1 200$/);
          } else {
            await until('the record is there', async () => (await world.api.allocations()).length === 1);
          }
          const [before] = await world.api.allocations();
          await world.kill();
          await world.start();
          assert.deepEqual(await world.settles(), [before], 'durable before it was told');
          assert.deepEqual([axon.miner.made, axon.container().id], [1, 1], 'the same container');
          assert.equal((await world.api.allocateHotkey(axon.hotkey)).status, 404, 'it is not rented twice');
          succeeded(await world.api.deallocate(before), ended);
        } finally {
          socket.destroy();
        }
      });

  for (const acted of [false, true])
    withWorld(`during the release, the miner ${acted ? 'has acted' : 'acts later'}: it goes on`, { miners: 1 },
      async (world) => {
        const [axon] = world.axons;
        const mine = succeeded(await world.api.allocateSpec(), made);
        const held = axon.setHabit('deregister', { kind: 'hold', acted }, { times: 1 });
        const gone = lost(world.api.deallocate(mine));
        await held.arrived;
        await restart(world, held, whens[0]);
        await gone;
        assert.deepEqual(await world.api.allocations(), [], 'the lease had ended');
        assert.equal((await world.api.deallocate(mine)).status, 404);
        assert.deepEqual(await world.settles(), []);
        assert.equal(axon.container(), null);
      });

  for (const [action, before, during] of [
    ['pause', 'running', 'pause_docker'],
    ['unpause', 'paused', 'unpause_docker'],
  ])
    for (const acted of [false, true])
      withWorld(
        `during ${action}, the miner ${acted ? 'has acted' : 'acts later'}: the container is ${before} again`,
        { miners: 1 },
        async (world) => {
          const [axon] = world.axons;
          const mine = succeeded(await world.api.allocateSpec(), made);
          if (before === 'paused') {
            succeeded(await world.api.act('pause_docker', mine), 'Resource paused successfully.');
            mine.state = 'paused';
          }
          const held = axon.setHabit(action, { kind: 'hold', acted }, { times: 1 });
          const gone = lost(world.api.act(during, mine));
          await held.arrived;
          await restart(world, held, whens[0]);
          await gone;
          // Its renter was told nothing, so it is as it was before; the next action shows that the undoing is over.
          const next = before === 'paused' ? 'unpause_docker' : 'restart_docker';
          assert.deepEqual(await world.settles(), [mine]);
          await until(`it is ${before}`, () => axon.container().state === before);
          assert.equal((await world.api.act(next, mine)).status, 200);
          assert.equal(axon.container().state, 'running');
          succeeded(await world.api.deallocate(mine), ended);
        },
      );

  withWorld('during an exchange of the key: the key that is listed is the one that works', { miners: 1 },
    async (world) => {
      const [axon] = world.axons;
      const [old, next] = [sshKey('old'), sshKey('new')];
      const mine = succeeded(await world.api.allocateSpec({}, { ssh_key: old }), made);
      const held = axon.setHabit('exchange_key', { kind: 'hold', acted: true }, { times: 1 });
      const gone = lost(world.api.act('exchange_docker_key', mine, { ssh_key: next }));
      await held.arrived;
      assert.equal(axon.container().authorizedKeys[0], next);
      await restart(world, held, whens[0]);
      await gone;
      await axon.containerIs((container) => container.authorizedKeys[0] === old);
      assert.deepEqual(await world.settles(), [mine]);
    });
});

// Rounds of random work, each ended by a kill at a random moment. The seed is printed, so that a failure can be repeated
// as far as time allows it.
const seed = Number(process.env.LODE_FAULT_SEED ?? 20261125);
const rounds = Number(process.env.LODE_FAULT_ROUNDS ?? 15);
const clients = 8;
const miners = Array.from({ length: 10 }, () => ({}));

withWorld(`kill -9 at random moments, seed ${seed}`, { miners }, async (world) => {
  const random = seeded(seed);
  const pick = (list) => list[Math.floor(random() * list.length)];
  /** hotkey -> {allocation, states: those that it may be in, over: whether it may be gone}. */
  let model = new Map();
  let acknowledged = 0;

  const rent = async () => {
    const reply = await (random() < 0.5
      ? world.api.allocateSpec()
      : world.api.allocateHotkey(pick(world.axons).hotkey));
    assert.ok([200, 404].includes(reply.status), reply.text);
    if (reply.status !== 200) return;
    const allocation = reply.json.data;
    const { over = true } = model.get(allocation.hotkey) ?? {};
    assert.ok(over, `${allocation.hotkey} was rented twice`);
    model.set(allocation.hotkey, { allocation, states: ['active'], over: false });
    acknowledged += 1;
  };
  const end = async (entry) => {
    entry.over = true;
    const reply = await world.api.deallocate(entry.allocation);
    assert.equal(reply.status, 200, reply.text);
    acknowledged += 1;
    if (model.get(entry.allocation.hotkey) === entry) model.delete(entry.allocation.hotkey);
  };
  const turn = async (entry) => {
    const [state] = entry.states;
    const [name, next] = state === 'active' ? ['pause_docker', 'paused'] : ['unpause_docker', 'active'];
    entry.states = ['active', 'paused'];
    const reply = await world.api.act(name, entry.allocation);
    assert.equal(reply.status, 200, reply.text);
    entry.states = [next];
    acknowledged += 1;
  };
  const work = async (isOver) => {
    const busy = new Set();
    const client = async () => {
      while (!isOver()) {
        const free = [...model.values()].filter((entry) => !entry.over && !busy.has(entry));
        const entry = free.length > 0 && random() < 0.6 ? pick(free) : undefined;
        busy.add(entry);
        try {
          if (!entry) await rent();
          else if (random() < 0.5) await end(entry);
          else await turn(entry);
        } catch (error) {
          if (error.code === 'ERR_ASSERTION' || !isOver()) throw error;
          return; // killed under it
        } finally {
          busy.delete(entry);
        }
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
  };

  for (const axon of world.axons) {
    axon.setHabit('register', { kind: 'slow', ms: Math.floor(random() * 150) });
    axon.setHabit('deregister', { kind: 'slow', ms: Math.floor(random() * 60) });
    axon.setHabit('pause', { kind: 'slow', ms: Math.floor(random() * 30) });
  }
  for (let round = 1; round <= rounds; ++round) {
    let over = false;
    const working = work(() => over);
    const failed = working.then(() => undefined);
    await Promise.race([pause(50 + random() * 600), failed]); // the moment is random: nothing is waited for
    // Unless a busy machine has got nothing done yet.
    await Promise.race([until('there is work to lose', () => acknowledged >= round), failed]);
    over = true;
    await world.kill();
    await working;
    await world.start();

    const listed = new Map((await world.api.allocations()).map((a) => [a.hotkey, a]));
    for (const { allocation, states, over: mayBeGone } of model.values()) {
      const found = listed.get(allocation.hotkey);
      if (mayBeGone && found?.uuid_key !== allocation.uuid_key) continue;
      assert.ok(found, `round ${round}: the allocation of ${allocation.hotkey} is lost`);
      assert.deepEqual({ ...found, state: '' }, { ...allocation, state: '' }, `round ${round}`);
      assert.ok(states.includes(found.state), `round ${round}: ${found.state} instead of ${states}`);
    }
    // What was recorded just before its client was cut off is found in the listing.
    const all = round % 5 === 0 ? await world.settles() : [...listed.values()];
    model = new Map(all.map((allocation) => [allocation.hotkey, { allocation, states: [allocation.state], over: false }]));
  }
  assert.ok(acknowledged >= rounds, 'there was work to lose');
  const left = await world.settles();
  assert.deepEqual(uuids(left), uuids([...model.values()].map((entry) => entry.allocation)));
  for (const allocation of left)
    await until('containers are in the state that is listed', () => {
      const { state } = world.axonOf(allocation.hotkey).container();
      return state === (allocation.state === 'paused' ? 'paused' : 'running');
    });
  for (const allocation of left) succeeded(await world.api.deallocate(allocation), ended);
  assert.deepEqual(await world.settles(), []);
});
