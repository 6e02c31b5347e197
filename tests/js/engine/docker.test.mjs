// The main job on Docker's own engine.
import assert from 'node:assert/strict';
import { allocate, deallocate, exchangeKeys, limits, login, pauseAndOn, restart } from './life.mjs';
import { engine, onStage } from './stage.mjs';

onStage('from allocation to deallocation', {}, async (stage) => {
  const [entry] = stage.agents;
  assert.match((await engine.ask('GET', '/version')).Version, /^\d+\./);
  assert.match(entry.agent.stderr, /container engine answers \(Docker\)/);
  const allocation = await allocate(stage, entry);
  await login(stage, allocation);
  await limits(stage, allocation);
  await pauseAndOn(stage, entry, allocation);
  await restart(stage, allocation);
  await exchangeKeys(stage, allocation);
  await deallocate(stage, entry, allocation);
});

onStage("a renter's appendix to the image", {}, async (stage) => {
  const [entry] = stage.agents;
  const script = 'echo made >/made; ls /sys/class/net >/interfaces';
  const allocation = await stage.rent(entry, { dockerfile: script });
  const { stdout, stderr } = await stage.renter.byKey(allocation, stage.key, 'cat /made /interfaces');
  assert.equal(stdout, 'made\nlo\n', stderr);
  await login(stage, allocation);
});

onStage('lode-miner dies in the middle', { agents: [{ engineProxied: true }] }, async (stage) => {
  const [entry] = stage.agents;
  await stage.slotIs(entry, 'available');
  const held = entry.engineProxy.hold('reply', 'create');
  const answer = stage.request(entry);
  await held.reached();
  await stage.killAgent(entry);
  held.drop();
  assert.equal((await answer).status, 404);
  await entry.agent.start();
  assert.deepEqual(await stage.settles(), []);
  const allocation = await stage.rent(entry);
  await stage.works(allocation);
});
