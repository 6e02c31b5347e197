// The main job: a REST call becomes an SSH shell in a real container.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import os from 'node:os';
import { Client as Dendrite, asks, device } from '../axon_client.mjs';
import { minerCall } from '../lib/proxy.mjs';
import { refused } from '../lib/replies.mjs';
import { allocate, deallocate, exchangeKeys, limits, login, pauseAndOn, restart } from './life.mjs';
import { baseImage, engine, onStage } from './stage.mjs';

const notAvailable = (reply) =>
  refused(reply, 404, 'Fail to allocate resource', 'Requested resource is not available.');

onStage('from allocation to deallocation', {}, async (stage) => {
  const [entry] = stage.agents;
  const allocation = await allocate(stage, entry);
  await login(stage, allocation);
  await limits(stage, allocation);

  notAvailable(await stage.request(entry));
  notAvailable(await stage.api.allocateSpec({ gpu_type: '', gpu_size: 0 }, { ssh_key: stage.key.line }));
  await stage.works(allocation);

  await pauseAndOn(stage, entry, allocation);
  await restart(stage, allocation);
  await exchangeKeys(stage, allocation);
  await deallocate(stage, entry, allocation);

  const again = await allocate(stage, entry);
  assert.notEqual(again.ssh_password, allocation.ssh_password);
  assert.notEqual(again.uuid_key, allocation.uuid_key);
  assert.equal(again.ssh_port, allocation.ssh_port, 'the first of the range is free again');
  const asBefore = { ...again, uuid_key: allocation.uuid_key }; // as known from the first container
  const stale = await stage.renter.byKey(asBefore, stage.key, 'true', { known: true });
  assert.match(stale.stderr, /REMOTE HOST IDENTIFICATION HAS CHANGED/, 'every container has a host key of its own');
});

const operatorsLimits = {
  'container.cpus': 0.5,
  'container.memory-mib': 256,
  'container.shm-mib': 32,
  'container.pids-limit': 100,
};
const limited = { agents: [{ settings: operatorsLimits }] };
onStage("an operator's limits stand above a renter's wishes", limited, async (stage) => {
  const allocation = await stage.rent(stage.agents[0], { base_image: 'no-such-name' }); // there is a fallback
  await stage.works(allocation);
  const cpus = os.cpus().length;
  await limits(stage, allocation, { ram: 0.25, cpus, quota: '50000', pids: 100, shm: 32 });
  const eats = [
    'head -c 400M /dev/zero | tail -c 390M | wc -c',
    'head -c 40M /dev/zero >/dev/shm/x',
    'stat -c %s /dev/shm/x',
  ].join('\n');
  const { stdout } = await stage.renter.byKey(allocation, stage.key, eats, { known: true });
  const sizes = stdout.trim().split('\n').map(Number);
  assert.equal(sizes[0], 0, 'memory beyond the limit is not given');
  assert.equal(sizes[1], 32 * 2 ** 20, '/dev/shm ends where it should');
  await stage.works(allocation);
});

const strict = {
  'image.fallback': '',
  'image.allowed': [`ubuntu=${baseImage}`, 'ghost=localhost/no-such-image:1'],
  'image.build-timeout-seconds': 3,
  'image.build-max-mib': 64,
  'image.dockerfile-max-bytes': 1000,
};
onStage("a renter's appendix to the image", { agents: [{ settings: strict }] }, async (stage, t) => {
  const [entry] = stage.agents;
  const isRefused = async (docker) => {
    await stage.slotIs(entry, 'available');
    notAvailable(await stage.request(entry, docker));
    assert.deepEqual(await stage.settles(), []);
  };
  await t.test('an image that the operator does not offer', () => isRefused({ base_image: 'debian' }));
  await t.test('an image that the engine does not have', () => isRefused({ base_image: 'ghost' }));
  await t.test('a script that fails', () => isRefused({ dockerfile: 'touch /made; exit 3' }));
  await t.test('a script that does not end', () => isRefused({ dockerfile: 'while :; do :; done' }));
  await t.test('a script that writes without end', () => isRefused({ dockerfile: 'cat /dev/zero >/big' }));
  await t.test('a script that is too long', () => isRefused({ dockerfile: `true ${'x'.repeat(1000)}` }));
  await t.test('what it made is there, and it had no network', async () => {
    const script = [
      `echo "it's \\"made\\" \\$here" >/made`,
      'ls /sys/class/net >/interfaces',
      'grep CapEff /proc/self/status >/capabilities',
      '(exec 3<>/dev/tcp/10.93.0.1/22) 2>/tried || echo refused >>/tried',
    ].join('\n');
    const allocation = await stage.rent(entry, { dockerfile: script });
    const look = 'cat /made /interfaces; cut -f2 /capabilities; tail -n 1 /tried; ls /sys/class/net | tr "\\n" " "';
    const { stdout, stderr } = await stage.renter.byKey(allocation, stage.key, look);
    assert.equal(stdout, `it's "made" $here\nlo\n00000000800404fb\nrefused\neth0 lo `, stderr);
    await login(stage, allocation);
    await restart(stage, allocation);
    assert.equal((await engine.imagesOf(entry.hotkey)).length, 1);
  });
});

const rsaKey = () =>
  crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' });

onStage('two validators and one miner', { agents: [] }, async (stage) => {
  const other = await stage.wallet('other');
  const entry = await stage.addAgent({ alsoFor: [other.address] });
  const proxy = await stage.proxy({
    listen: { host: '127.0.0.1', port: 0 },
    target: { host: '127.0.0.1', port: entry.agent.port },
    describe: minerCall,
  });
  await stage.writeMiners('miners.json', (e) => e.direct);
  await stage.writeMiners('others.json', (e) => ({ ...e.direct, port: proxy.port }));
  const second = stage.newDaemon('other-data', other, {}, 'others.json');
  await second.start();
  const api = stage.client(second);
  await stage.slotIs(entry, 'available', { api });

  // The second one hears that the slot is free; before it goes on the first one rents it.
  const checked = proxy.hold('reply', 'check');
  const late = stage.request(entry, {}, api);
  await checked.reached();
  const allocation = await stage.rent(entry);
  const [container] = await engine.containersOf(entry.hotkey);
  checked.release();
  notAvailable(await late);
  assert.ok(proxy.calls.includes('register'), 'it did ask for the slot');
  const untouched = async () => {
    assert.deepEqual((await engine.containersOf(entry.hotkey)).map((c) => c.Id), [container.Id]);
    await stage.works(allocation);
  };
  await untouched();
  notAvailable(await stage.request(entry, {}, api));

  // And by hand, with calls that no honest validator would send.
  const rogue = new Dendrite(new Uint8Array(other.mini));
  const key = rsaKey();
  const device_requirement = { ...device, ram: { capacity: 2 ** 30 } };
  for (const [what, call] of Object.entries({
    register: asks.register(key, { device_requirement }),
    'a negative lease': { ...asks.deregister(key), timeline: -1 },
    deregister: asks.deregister(key),
    pause: asks.change('pause'),
    restart: asks.change('restart'),
    exchange: asks.change('exchange_key', { ssh_key: stage.key.line, key_type: 'user' }),
  }))
    assert.equal((await rogue.output(entry.direct, call)).status, false, what);
  await untouched();

  // The slot is the second one's as soon as the first one gives it back.
  await stage.giveAllBack();
  await stage.slotIs(entry, 'available', { api });
  const theirs = await stage.request(entry, {}, api);
  assert.equal(theirs.status, 200, theirs.text);
  await api.deallocate(theirs.json.data);
  assert.deepEqual(await engine.containersOf(entry.hotkey), []);
});
