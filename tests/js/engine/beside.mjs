// Tests of lode-miner's own faults: a miner whose calls to the engine are watched, and another one on the same engine
// that is rented all along, which nobody may touch.
import assert from 'node:assert/strict';
import { refused } from '../lib/replies.mjs';
import { until } from '../lib/wait.mjs';
import { onStage } from './stage.mjs';

export const notAvailable = (reply) =>
  refused(reply, 404, 'Fail to allocate resource', 'Requested resource is not available.');

/** `body(stage, entry, t)` does its worst to `entry`; then all comes to rest and it can be rented as before. */
export const beside = (name, settings, body) =>
  onStage(name, { agents: [{ engineProxied: true, settings }, {}] }, async (stage, t) => {
    const [entry, bystander] = stage.agents;
    const other = await stage.rent(bystander);
    await stage.slotIs(entry, 'available');
    await body(stage, entry, t);
    const still = (await stage.settles()).find((a) => a.hotkey === bystander.hotkey);
    assert.deepEqual(still, other);
    await stage.works(other);
    const next = await stage.rent(entry, { base_image: 'ubuntu' });
    await stage.works(next);
  });

/** Two cycles of reconcile() have begun and ended since. */
export async function twoCycles({ engineProxy: { calls } }) {
  const before = calls.length;
  const cycles = () => calls.slice(before).filter((call) => call === 'GET /images/json').length;
  await until('two cycles', () => cycles() >= 3);
}

export const nothingLeft = async (stage, entry) => {
  assert.deepEqual(
    (await stage.settles()).filter((a) => a.hotkey === entry.hotkey),
    [],
  );
  await stage.slotIs(entry, 'available');
};
