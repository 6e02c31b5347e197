// kill -9 of lode-miner at every call that it sends to the engine, and of the engine itself. In each test another miner
// on the same engine has a rented container all along, which nobody may touch.
import assert from 'node:assert/strict';
import { failed, refused, succeeded } from '../lib/replies.mjs';
import { bannerOf } from '../lib/ssh.mjs';
import { until } from '../lib/wait.mjs';
import { baseImage, engine, engineKind, onStage } from './stage.mjs';

const notAvailable = (reply) =>
  refused(reply, 404, 'Fail to allocate resource', 'Requested resource is not available.');

/** A miner whose calls to the engine are watched, and another one that is rented. */
const beside = (name, settings, body) =>
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
async function twoCycles({ engineProxy: { calls } }) {
  const before = calls.length;
  const cycles = () => calls.slice(before).filter((call) => call === 'GET /images/json').length;
  await until('two cycles', () => cycles() >= 3);
}

const nothingLeft = async (stage, entry) => {
  assert.deepEqual(
    (await stage.settles()).filter((a) => a.hotkey === entry.hotkey),
    [],
  );
  await stage.slotIs(entry, 'available');
};

/** An image whose sshd comes up late. Returns its name. */
async function slowImage() {
  const image = 'localhost/lode-slow:1';
  if ((await engine.request('GET', `/images/${encodeURIComponent(image)}/json`)).status === 200) return image;
  const { Id: id } = await engine.create('slow-image', { Image: baseImage });
  const change = 'ENTRYPOINT ["/bin/sh","-c","sleep 4; exec /usr/local/sbin/lode-init"]';
  const query = `container=${id}&repo=localhost%2Flode-slow&tag=1&changes=${encodeURIComponent(change)}`;
  await engine.ask('POST', `/commit?${query}`, {});
  await engine.remove(id);
  return image;
}

for (const [when, moment, call] of [
  ['before it is created', 'request', 'create'],
  ['when it is created', 'reply', 'create'],
  ['before its files are there', 'request', 'put'],
  ['when its files are there', 'reply', 'put'],
  ['before it is started', 'request', 'start'],
  ['when it is started', 'reply', 'start'],
])
  beside(`lode-miner dies while it makes a container: ${when}`, {}, async (stage, entry) => {
    const held = entry.engineProxy.hold(moment, call);
    const answer = stage.request(entry);
    await held.reached();
    await stage.killAgent(entry);
    held.drop();
    notAvailable(await answer);
    await entry.agent.start();
    await nothingLeft(stage, entry);
  });

const slow = { 'image.allowed': [`ubuntu=${baseImage}`, `slow=${await slowImage()}`] };
beside('lode-miner dies while it waits for SSH; without that a slow start is normal', slow, async (stage, entry) => {
  const started = entry.engineProxy.hold('reply', 'start');
  const answer = stage.request(entry, { base_image: 'slow' });
  await started.reached();
  const looks = entry.engineProxy.hold('request', 'inspect');
  started.release();
  await looks.reached(); // SSH has been silent for two seconds
  await stage.killAgent(entry);
  looks.drop();
  notAvailable(await answer);
  await entry.agent.start();
  await nothingLeft(stage, entry);
  const allocation = await stage.rent(entry, { base_image: 'slow' });
  await stage.works(allocation);
  succeeded(await stage.api.deallocate(allocation), 'Resource deallocated successfully.');
});

for (const [when, moment] of [
  ['before', 'request'],
  ['after', 'reply'],
])
  beside(`lode-miner dies ${when} it removes a container`, {}, async (stage, entry) => {
    const allocation = await stage.rent(entry);
    const held = entry.engineProxy.hold(moment, 'remove');
    const answer = stage.api.deallocate(allocation);
    await held.reached();
    await stage.killAgent(entry);
    held.drop();
    await entry.agent.start();
    succeeded(await answer, 'Resource deallocated successfully.');
    await nothingLeft(stage, entry);
    assert.equal(await bannerOf(allocation), undefined);
  });

beside('lode-miner dies with a rented container', {}, async (stage, entry) => {
  const allocation = await stage.rent(entry);
  succeeded(await stage.api.act('pause_docker', allocation), 'Resource paused successfully.');
  await stage.killAgent(entry);
  const failedCall = await stage.api.act('unpause_docker', allocation);
  failed(failedCall, 403);
  await entry.agent.start();
  succeeded(await stage.api.act('unpause_docker', allocation), 'Resource unpaused successfully.');
  await stage.works(allocation);
  await twoCycles(entry);
  await stage.works(allocation);
  succeeded(await stage.api.deallocate(allocation), 'Resource deallocated successfully.');
});

beside('a create that comes through after the next start', {}, async (stage, entry) => {
  const held = entry.engineProxy.hold('request', 'create');
  const answer = stage.request(entry);
  await held.reached();
  await stage.killAgent(entry);
  notAvailable(await answer);
  await entry.agent.start();
  await stage.slotIs(entry, 'available');
  held.release();
  await until('it comes through', async () => (await engine.containersOf(entry.hotkey)).length === 1);
  await nothingLeft(stage, entry);
});

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

const engineDies = engineKind === 'docker' ? () => {} : beside; // Docker's own death ends its containers

engineDies('the engine dies under a register', {}, async (stage, entry) => {
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

engineDies('the engine dies under a deregister', {}, async (stage, entry) => {
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
