// kill -9 of loded at every moment of a call to a miner, and a start on the same data. In each test another miner has a
// rented container all along: what was acknowledged goes on (I2).
import assert from 'node:assert/strict';
import { succeeded } from '../lib/replies.mjs';
import { bannerOf } from '../lib/ssh.mjs';
import { seeded } from '../lib/wait.mjs';
import { setTimeout as pause } from 'node:timers/promises';
import { engine, onStage } from './stage.mjs';

/** The reply, or undefined when the daemon died before it. */
const answerOf = (request) => request.catch(() => undefined);

/**
 * A stage with a proxied miner and one that is rented; `body(stage, entry, proxy)` kills the daemon. Then everything
 * comes to rest, the bystander's renter never notices, and the miner can be rented as if nothing had been.
 */
const whenKilled = (name, body) =>
  onStage(name, { agents: [{ proxied: true }, {}] }, async (stage) => {
    const [entry, bystander] = stage.agents;
    const other = await stage.rent(bystander);
    await stage.slotIs(entry, 'available');
    await body(stage, entry, entry.proxy);
    assert.equal(stage.loded.running, true);
    const list = await stage.settles();
    const still = list.find((a) => a.hotkey === bystander.hotkey);
    assert.deepEqual(still, other, 'the same allocation, to its last field');
    await stage.works(other);
    if (!list.some((a) => a.hotkey === entry.hotkey)) {
      const next = await stage.rent(entry);
      await stage.works(next);
    }
  });

const gone = async (stage, entry) =>
  assert.deepEqual(
    (await stage.settles()).filter((a) => a.hotkey === entry.hotkey),
    [],
    'nobody was told that it was allocated',
  );

for (const [when, moment, label] of [
  ['before the intent: the check is on its way', 'request', 'check'],
  ['before the intent: the miner has answered the check', 'reply', 'check'],
  ['after the intent: the register is on its way', 'request', 'register'],
  ['after the registration: its answer is on its way', 'reply', 'register'],
])
  whenKilled(when, async (stage, entry, proxy) => {
    const held = proxy.hold(moment, label);
    const answer = answerOf(stage.request(entry));
    await held.reached();
    if (moment === 'reply' && label === 'register')
      assert.equal((await engine.containersOf(entry.hotkey)).length, 1, 'the container is there, its record not yet');
    await stage.kill();
    held.drop();
    assert.equal(await answer, undefined);
    await stage.start();
    await gone(stage, entry);
  });

whenKilled('the register arrives after the next start', async (stage, entry, proxy) => {
  const held = proxy.hold('request', 'register');
  const answer = answerOf(stage.request(entry));
  await held.reached();
  await stage.kill();
  assert.equal(await answer, undefined);
  const undone = proxy.hold('reply', 'deregister');
  await stage.start();
  await undone.reached(); // the miner has said that it holds nothing; now the call of the first life comes in
  held.release();
  undone.release();
  await gone(stage, entry);
});

whenKilled('after the reply', async (stage, entry) => {
  const allocation = await stage.rent(entry);
  await stage.kill();
  await stage.works(allocation); // containers do not need us
  await stage.start();
  assert.deepEqual(
    (await stage.settles()).find((a) => a.hotkey === entry.hotkey),
    allocation,
  );
  await stage.works(allocation);
});

for (const [when, moment] of [
  ['the deregister is on its way', 'request'],
  ['the miner has removed the container', 'reply'],
])
  whenKilled(`while releasing: ${when}`, async (stage, entry, proxy) => {
    const allocation = await stage.rent(entry);
    const held = proxy.hold(moment, 'deregister');
    const answer = answerOf(stage.api.deallocate(allocation));
    await held.reached();
    await stage.kill();
    held.drop();
    assert.equal(await answer, undefined);
    await stage.start();
    await gone(stage, entry);
    assert.equal(await bannerOf(allocation), undefined);
  });

for (const [when, moment] of [
  ['the pause is on its way', 'request'],
  ['the miner has paused', 'reply'],
])
  whenKilled(`while pausing: ${when}`, async (stage, entry, proxy) => {
    const allocation = await stage.rent(entry);
    const held = proxy.hold(moment, 'pause');
    const answer = answerOf(stage.api.act('pause_docker', allocation));
    await held.reached();
    await stage.kill();
    held.drop();
    assert.equal(await answer, undefined);
    const back = proxy.hold('reply', 'unpause');
    await stage.start();
    // The renter was never told that it is paused: it runs.
    await back.reached();
    back.release();
    assert.deepEqual(
      (await stage.settles()).find((a) => a.hotkey === entry.hotkey),
      allocation,
    );
    await stage.works(allocation);
    succeeded(await stage.api.act('pause_docker', allocation), 'Resource paused successfully.');
    assert.equal(await bannerOf(allocation, 1000), '');
  });

whenKilled('while it is paused', async (stage, entry) => {
  const allocation = await stage.rent(entry);
  succeeded(await stage.api.act('pause_docker', allocation), 'Resource paused successfully.');
  await stage.kill();
  await stage.start();
  const list = await stage.settles();
  assert.equal(list.find((a) => a.hotkey === entry.hotkey)?.state, 'paused');
  assert.equal(await bannerOf(allocation, 1000), '');
  // Paused containers too are given back at the end.
});

whenKilled('at any moment of an allocation', async (stage, entry) => {
  const random = seeded(27);
  for (let round = 0; round < 8; round += 1) {
    const answer = answerOf(stage.request(entry));
    await Promise.race([answer, pause(random() * 1200)]);
    await stage.kill();
    const reply = await answer;
    await stage.start();
    const found = (await stage.settles()).find((a) => a.hotkey === entry.hotkey);
    if (reply?.status === 200) assert.deepEqual(found, reply.json.data, 'what was acknowledged survives');
    if (found) {
      // Made, and durably so, although the client may not have heard of it: it is in the list, with its password.
      await stage.works(found);
      succeeded(await stage.api.deallocate(found), 'Resource deallocated successfully.');
    }
    await stage.slotIs(entry, 'available');
  }
});

