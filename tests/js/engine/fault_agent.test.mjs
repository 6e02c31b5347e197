// kill -9 of lode-miner at every call that it sends to the engine.
import assert from 'node:assert/strict';
import { failed, succeeded } from '../lib/replies.mjs';
import { bannerOf } from '../lib/ssh.mjs';
import { until } from '../lib/wait.mjs';
import { beside, nothingLeft, notAvailable, twoCycles } from './beside.mjs';
import { baseImage, engine } from './stage.mjs';

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

for (const [when, call, first] of [
  ['while they make a container', 'start', 'lode-miner'],
  ['while they make a container, loded back first', 'start', 'loded'],
])
  beside(`both die at once ${when}`, {}, async (stage, entry) => {
    const held = entry.engineProxy.hold('reply', call);
    const answer = stage.request(entry).catch(() => undefined);
    await held.reached();
    await Promise.all([stage.kill(), stage.killAgent(entry)]);
    held.drop();
    assert.equal(await answer, undefined);
    assert.equal((await engine.containersOf(entry.hotkey)).length, 1, 'a container that only the disks know of');
    if (first === 'loded') await stage.start();
    await entry.agent.start();
    if (first === 'lode-miner') await stage.start();
    await nothingLeft(stage, entry);
  });
