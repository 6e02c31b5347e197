// Two faults of the original are gone: a paused miner is never given to a second client, and one miner's broken specs
// never change or cut another's line in a listing.
import assert from 'node:assert/strict';
import { refused, succeeded } from '../lib/replies.mjs';
import { specsOf, withWorld } from '../lib/world.mjs';
import { until } from '../lib/wait.mjs';

const made = 'Resource was successfully allocated';
const none = ['Fail to allocate resource', 'Requested resource is not available.'];

withWorld('a paused miner is never given to a second client', { miners: 2 }, async (world) => {
  const [axon, other] = world.axons;
  const mine = succeeded(await world.api.allocateHotkey(axon.hotkey), made);
  const taken = succeeded(await world.api.allocateHotkey(other.hotkey), made);
  succeeded(await world.api.act('pause_docker', mine), 'Resource paused successfully.');
  const { password } = axon.container();

  const nobodyElseGetsIt = async () => {
    const calls = axon.calls.filter(({ action }) => action === 'register').length;
    const replies = await Promise.all([
      ...Array.from({ length: 10 }, () => world.api.allocateSpec({ gpu_size: 0 })),
      ...Array.from({ length: 10 }, () => world.api.allocateHotkey(axon.hotkey)),
    ]);
    for (const reply of replies) refused(reply, 404, ...none);
    assert.equal(axon.calls.filter(({ action }) => action === 'register').length, calls, 'it was not even asked');
    assert.equal(axon.container().password, password);
    assert.equal((await world.api.slots()).get(axon.hotkey), 'reserved');
  };
  await nobodyElseGetsIt();

  // The miner's own word is "free" while it is paused, so only the record knows; it does after kill -9 too.
  await world.kill();
  await world.restart();
  await nobodyElseGetsIt();

  succeeded(await world.api.act('unpause_docker', mine), 'Resource unpaused successfully.');
  assert.equal(axon.container().password, password, 'the first client has its container still');
  for (const allocation of [mine, taken])
    succeeded(await world.api.deallocate(allocation), 'Resource deallocated successfully.');
});

/** mulberry32: the same listing for the same seed. */
function randomFrom(seed) {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

const junk = [null, [], {}, '', 'RTX', -1, { count: 'many' }, { count: null }, { total: -5, free: 'x' }, [1, 2]];
const parts = ['cpu', 'gpu', 'ram', 'hard_disk'];
/** Specs that lack one part, or have something senseless in its place; whole ones at times are no object at all. */
function brokenSpecs(below) {
  if (below(4) === 0) return junk[below(6)];
  const specs = specsOf();
  const part = parts[below(parts.length)];
  const how = below(3);
  if (how === 0) delete specs[part];
  else if (how === 1) specs[part] = junk[below(junk.length)];
  else specs[part] = { ...specs[part], [Object.keys(specs[part])[0]]: junk[below(5)] };
  return specs;
}

withWorld('random broken specs never change or cut another line of a listing', { miners: 8 }, async (world) => {
  const whole = world.miners;
  for (const [i, miner] of whole.entries())
    miner.specs = specsOf({ gpu: `NVIDIA RTX ${4000 + i}`, mib: 16000 + 1000 * i, cpu: 4 + i, ram: 16.5 + i, disk: 100 + i });
  const lines = async (query) => {
    const { status, json } = await world.api.post('/list/resources_sql', { query });
    return status === 404 ? [] : json.data.page_items;
  };
  await world.writeMiners();
  await until('all are listed as they are', async () => (await lines()).some(({ gpu_name: name }) => /4007/.test(name)));
  const expected = new Map((await lines()).map((line) => [line.hotkey, line]));
  assert.equal(expected.size, whole.length);

  for (let seed = 1; seed <= 25; seed += 1) {
    const below = randomFrom(seed);
    const bad = new Set(whole.filter(() => below(2) === 0).map(({ hotkey }) => hotkey));
    world.miners = whole.map((miner) => (bad.has(miner.hotkey) ? { ...miner, specs: brokenSpecs(below) } : miner));
    const file = JSON.stringify({ miners: world.miners });
    await world.writeMiners(file);
    const sound = whole.map(({ hotkey }) => hotkey).filter((hotkey) => !bad.has(hotkey));
    const wanted = [...sound].sort().join();
    try {
      await until('the file is read', async () => (await lines()).map(({ hotkey }) => hotkey).sort().join() === wanted);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error.message}\n${file}`);
    }
    for (const line of await lines()) assert.deepEqual(line, expected.get(line.hotkey), `seed ${seed}`);
    const pages = [];
    for (let page_number = 1; page_number <= Math.ceil(sound.length / 3); page_number += 1)
      pages.push(...(await lines({ page_number, page_size: 3 })));
    assert.deepEqual(pages.map(({ hotkey }) => hotkey).sort(), [...sound].sort(), `seed ${seed}: pages are whole`);
  }
});
