// What lode-miner finds in the engine and does not know, and kill -9 of the engine itself.
import assert from 'node:assert/strict';
import { succeeded } from '../lib/replies.mjs';
import { bannerOf } from '../lib/ssh.mjs';
import { until } from '../lib/wait.mjs';
import { beside, nothingLeft, notAvailable, twoCycles } from './beside.mjs';
import { baseImage, engine } from './stage.mjs';

const stray = (owner, name) =>
  engine.create(name, { Image: baseImage, Labels: { 'io.lode.owner': owner, 'io.lode.allocation': 'f'.repeat(64) } });

beside('a labelled container that nobody knows', {}, async (stage, entry) => {
  const { calls } = entry.engineProxy;
  const foreign = await stray('somebody-else', 'stray-foreign');
  try {
    const { Id: id } = await stray(entry.hotkey, 'stray-ours');
    const before = calls.length;
    await until('it is removed', async () => !(await engine.exists(id)));
    const since = calls.slice(before);
    const lists = since.slice(0, since.indexOf('remove')).filter((call) => call === 'list').length;
    assert.ok(lists >= 2, `one cycle of grace: ${since.join(' ')}`);
    await twoCycles(entry);
    assert.ok(await engine.exists(foreign.Id), "another's container is none of our business");
  } finally {
    await engine.remove(foreign.Id);
  }
});

for (const settings of [{ 'reconcile.dry-run': true }, { 'reconcile.remove-unknown': false }])
  beside(`${Object.keys(settings)[0]} leaves it alone`, settings, async (stage, entry) => {
    const { Id: id } = await stray(entry.hotkey, 'stray-left-alone');
    try {
      await twoCycles(entry);
      await twoCycles(entry);
      assert.ok(await engine.exists(id));
      assert.match(entry.agent.stderr, /left alone \(dry run\)/);
    } finally {
      await engine.remove(id);
    }
  });

beside('the engine dies under a register', {}, async (stage, entry) => {
  const [, bystander] = stage.agents;
  const held = entry.engineProxy.hold('request', 'start');
  const answer = stage.request(entry);
  await held.reached();
  await engine.kill();
  held.release();
  try {
    notAvailable(await answer);
    const [other] = await stage.api.allocations();
    assert.equal(other.hotkey, bystander.hotkey);
    await stage.works(other); // containers live on
  } finally {
    await engine.start();
  }
  await nothingLeft(stage, entry);
});

beside('the engine dies under a deregister', {}, async (stage, entry) => {
  const allocation = await stage.rent(entry);
  const held = entry.engineProxy.hold('request', 'remove');
  const answer = stage.api.deallocate(allocation);
  await held.reached();
  await engine.kill();
  held.release();
  try {
    succeeded(await answer, 'Resource deallocated successfully.'); // the renter's lease is over in any case
    assert.equal((await stage.api.slots()).get(entry.hotkey), 'reserved', 'not offered before the container is gone');
    await stage.works(allocation);
  } finally {
    await engine.start();
  }
  await nothingLeft(stage, entry);
  assert.equal(await bannerOf(allocation), undefined);
});
