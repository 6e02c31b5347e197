// The miners file is read again when it changes; a version that is broken keeps the last good one and says so.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { startAxon } from '../axon.mjs';
import { refused, succeeded } from '../lib/replies.mjs';
import { until } from '../lib/wait.mjs';
import { inWorlds, specsOf } from '../lib/world.mjs';

const made = 'Resource was successfully allocated';
const none = ['Fail to allocate resource', 'Requested resource is not available.'];
const saidOf = (world, pattern) => world.loded.lines().filter(({ msg }) => pattern.test(msg));

// These wait for the daemon's clocks more than they work.
inWorlds('the miners file', (withWorld) => {
  withWorld('added, changed and removed', { miners: 2 }, async (world) => {
    const { api, axons } = world;
    const late = await startAxon({ ssh: true, sshPort: 0 });
    axons.push(late);
    refused(await api.allocateHotkey(late.hotkey), 404, ...none);
    world.miners.push({ ...world.address(late), version: 190, specs: specsOf({ gpu: 'NVIDIA L40S', mib: 46068 }) });
    await world.writeMiners();
    await world.slotIs(late.hotkey, 'available');
    await api.deallocate(succeeded(await api.allocateHotkey(late.hotkey), made));

    // Changed: other hardware, another version, and another place where it listens.
    const moved = await startAxon({ ssh: true, sshPort: 0, mini: new Uint8Array(32).fill(3) });
    axons.push(moved);
    world.miners.push({ ...world.address(moved), port: 1, specs: specsOf({ cpu: 2 }) });
    await world.writeMiners();
    await world.slotIs(moved.hotkey, 'available');
    refused(await api.allocateHotkey(moved.hotkey), 404, ...none);
    world.miners[3] = { ...world.address(moved), version: 191, specs: specsOf({ cpu: 96 }) };
    await world.writeMiners();
    const query_version = true;
    const version = async () =>
      (await api.post('/service/check_miner_status', { body: [moved.hotkey], query: { query_version } })).json.data[0];
    await until('the change is known', async () => (await version()).version === 191);
    const found = await api.allocateSpec({ cpu_count: 96 });
    await api.deallocate(succeeded(found, made));

    // Removed: no longer known; the file may be written in place too.
    const [gone] = world.miners.splice(0, 1);
    await fs.writeFile(path.join(world.dir, 'miners.json'), JSON.stringify({ miners: world.miners }));
    await until('it is gone', async () => !(await api.slots()).has(gone.hotkey));
    refused(await api.allocateHotkey(gone.hotkey), 404, ...none);
    const [status] = (await api.post('/service/check_miner_status', { body: [gone.hotkey] })).json.data;
    assert.equal(status.status, 'Not Found');
  });

  withWorld('a miner that leaves while it is rented', { miners: 2 }, async (world) => {
    const { api, axons } = world;
    const mine = succeeded(await api.allocateHotkey(axons[0].hotkey), made);
    const whole = world.miners;
    world.miners = whole.slice(1);
    await world.writeMiners();
    await until('it left', async () => !(await api.slots()).has(mine.hotkey));
    assert.equal((await api.allocations()).length, 1, 'the lease is not over for that');
    const reply = await api.act('restart_docker', mine);
    assert.equal(reply.status, 403);
    assert.equal(reply.json.message, 'An error occurred during restart operation.');
    assert.equal(typeof reply.json.err_detail, 'string', 'which says why');
    world.miners = whole;
    await world.writeMiners();
    await world.slotIs(mine.hotkey, 'reserved');
    succeeded(await api.act('restart_docker', mine), 'Resource restarted successfully.');
    world.miners = whole.slice(1);
    await world.writeMiners();
    await until('it left again', async () => !(await api.slots()).has(mine.hotkey));
    succeeded(await api.deallocate(mine), 'Resource deallocated successfully.');
    assert.deepEqual(await api.allocations(), []);
    await axons[0].containerIs((container) => container === null);
  });

  withWorld('a broken version keeps the last good one and says so', { miners: 2 }, async (world) => {
    const { api, axons } = world;
    const good = JSON.stringify({ miners: world.miners });
    const [first] = world.miners;
    const broken = {
      'no JSON': good.slice(0, -3),
      'no list': '{"miners": {}}',
      'not an object': '[]',
      'no hotkey': JSON.stringify({ miners: [{ ip: '127.0.0.1', port: 1 }] }),
      'a wrong checksum': JSON.stringify({ miners: [{ ...first, hotkey: `${first.hotkey.slice(0, -2)}xx` }] }),
      'a host name': JSON.stringify({ miners: [{ ...first, ip: 'localhost' }] }),
      'port 0': JSON.stringify({ miners: [{ ...first, port: 0 }] }),
      'a hotkey twice': JSON.stringify({ miners: [first, first] }),
    };
    for (const [what, text] of Object.entries(broken)) {
      const before = saidOf(world, /last good version/).length;
      await world.writeMiners(text);
      await until(`${what} is reported`, () => saidOf(world, /last good version/).length > before);
      const line = saidOf(world, /last good version/).at(-1);
      assert.ok(['warning', 'warn', 'error'].includes(line.level), line.level);
      assert.match(line.msg, /miners\.json/);
      assert.equal((await api.slots()).size, 2, what);
    }
    await fs.rm(path.join(world.dir, 'miners.json'));
    await until('its absence is reported', () => saidOf(world, /gone/).length > 0);
    assert.equal((await api.slots()).size, 2);
    await api.deallocate(succeeded(await api.allocateHotkey(axons[0].hotkey), made));
    world.miners = [first];
    await world.writeMiners();
    await until('the next good one is used', async () => (await api.slots()).size === 1);
  });

  const malformed = [
    null, // none at all
    [],
    'an RTX 4090',
    {},
    { ...specsOf(), cpu: { count: 'many' } },
    { ...specsOf(), gpu: { count: 1, capacity: 24564, details: [] } },
    { ...specsOf(), ram: null },
    { ...specsOf(), hard_disk: { total: -1, free: -1 } },
    { ...specsOf(), gpu: undefined },
  ];

  withWorld('miners with malformed specs are never listed or offered, and change nothing for the others',
    { miners: [...malformed.map((specs) => ({ specs })), {}, {}], start: false },
    async (world) => {
      await world.start();
      const { api, axons } = world;
      const sound = axons.slice(malformed.length).map((axon) => axon.hotkey);
      assert.deepEqual([...(await api.slots()).keys()].sort(), [...sound].sort());
      const mine = [succeeded(await api.allocateSpec({ gpu_size: 0 }), made), succeeded(await api.allocateSpec(), made)];
      assert.deepEqual(mine.map((a) => a.hotkey).sort(), [...sound].sort());
      refused(await api.allocateSpec({ gpu_size: 0, cpu_count: 0, ram: 0, hard_disk: 0 }), 404, ...none);
      for (const allocation of mine) await api.deallocate(allocation);

      // One of the sound ones goes bad, and comes to its senses.
      const place = malformed.length;
      const { specs } = world.miners[place];
      for (const bad of [malformed[5], null]) {
        world.miners[place].specs = bad;
        await world.writeMiners();
        await until('it is no longer listed', async () => [...(await api.slots()).keys()].join() === sound[1]);
        world.miners[place].specs = specs;
        await world.writeMiners();
        await until('it is listed again', async () => (await api.slots()).size === 2);
      }
    });
});
