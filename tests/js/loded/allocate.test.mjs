// POST /service/allocate_spec and /service/allocate_hotkey, on stand-ins of existing miners.
import assert from 'node:assert/strict';
import { hotkeyFrom } from '../synapse.mjs';
import { badSshKeys, failed, invalid, isAllocation, leaseDays, refused, sshKey, succeeded } from '../lib/replies.mjs';
import { specsOf, withSteps } from '../lib/world.mjs';

const made = 'Resource was successfully allocated';
const none = ['Fail to allocate resource', 'Requested resource is not available.'];
const gib = 2 ** 30;
const registersOf = (axon) => axon.calls.filter((call) => call.action === 'register');
const bigGpu = specsOf({ gpu: 'NVIDIA H100 80GB HBM3', mib: 81559, cpu: 64, ram: 512, disk: 2000 });
const noGpu = specsOf({ count: 0, mib: 0, cpu: 4, ram: 8, disk: 50 });

withSteps('allocate_spec', { miners: [{}, { specs: bigGpu }, { specs: noGpu }] }, (step) => {
  step('gives a container with the asked key, and the miner gets what existing validators send', async (world) => {
    const key = sshKey();
    const requirements = { cpu_count: 2, gpu_type: 'h100', gpu_size: 40, ram: 4, hard_disk: 10, timeline: 30 };
    const docker = { base_image: 'ubuntu', ssh_key: key, volume_path: '/data', dockerfile: 'RUN true' };
    const axon = world.axons[1];
    const data = succeeded(await world.api.allocateSpec(requirements, docker), made);
    isAllocation(data, { hotkey: axon.hotkey, port: axon.sshPort });
    assert.equal(data.resource, 'nvidia h100 80gb hbm3');
    assert.equal(data.ssh_key, key);
    assert.equal(data.state, 'active');
    assert.equal(leaseDays(data), 30);

    const [register] = registersOf(axon);
    assert.ok(register.verified);
    assert.equal(register.timeline, 60, 'twice the lease, as existing validators do for a miner by name');
    assert.equal(register.hotkey, world.hotkey);
    assert.equal(register.body.dendrite.hotkey, world.hotkey, 'what the miner publishes as its renter');
    assert.equal(register.body.axon.status_code, null, 'or it becomes the status of the answer');
    assert.equal(register.body.checking, false);
    assert.equal(register.body.docker_change, false);
    assert.match(register.body.public_key, /^-----BEGIN PUBLIC KEY-----/);
    assert.deepEqual(register.body.device_requirement, {
      cpu: { count: 2 },
      gpu: { count: 1, capacity: 40_000, type: 'h100' },
      hard_disk: { capacity: 10 * gib },
      ram: { capacity: 4 * gib },
    });
    const { ssh_port: port, ...asked } = register.body.docker_requirement;
    assert.equal(typeof port, 'number');
    assert.deepEqual(asked, docker);
    assert.deepEqual(axon.container().authorizedKeys, [key, '']);
    assert.equal(axon.container().password, data.ssh_password);
    assert.deepEqual(
      axon.calls.filter((call) => call.action !== 'other').map((call) => call.action),
      ['check', 'register'],
    );
    await world.api.deallocate(data);
  });

  step('defaults: any GPU of 3 GB for 90 days', async ({ api, axons }) => {
    const data = succeeded(await api.allocateSpec(), made);
    assert.equal(data.hotkey, axons[0].hotkey, 'the smallest that fits');
    assert.equal(leaseDays(data), 90);
    assert.equal(data.ssh_key, '');
    const register = registersOf(axons[0]).at(-1);
    assert.equal(register.timeline, 180);
    assert.deepEqual(register.body.device_requirement.gpu, { count: 1, capacity: 3000, type: 'gpu' });
    assert.equal(register.body.docker_requirement.base_image, 'ubuntu');
    await api.deallocate(data);
  });

  step('no GPU condition with an empty gpu_type or no gpu_size', async ({ api, axons }) => {
    for (const requirements of [{ gpu_type: '' }, { gpu_size: 0 }]) {
      const data = succeeded(await api.allocateSpec(requirements), made);
      assert.equal(data.hotkey, axons[2].hotkey, 'the smallest that fits');
      assert.deepEqual(registersOf(axons[2]).at(-1).body.device_requirement.gpu, {});
      await api.deallocate(data);
    }
  });

  step('numbers as text, whole floats and booleans count as integers; unknown fields do not matter', async ({ api }) => {
    const requirements = {
      cpu_count: ' 4 ',
      gpu_size: '4.0',
      ram: 4.0,
      hard_disk: '4',
      gpu_count: true,
      timeline: '7',
      nonsense: { a: [1] },
    };
    const raw = JSON.stringify({ requirements, docker_requirement: { also: 1 }, more: null });
    const data = succeeded(await api.post('/service/allocate_spec/', { raw }), made);
    assert.equal(leaseDays(data), 7);
    await api.deallocate(data);
  });

  step('of a key given twice the last counts', async ({ api }) => {
    const raw = '{"requirements":{"timeline":"x","timeline":5},"docker_requirement":{}}';
    const data = succeeded(await api.post('/service/allocate_spec', { raw }), made);
    assert.equal(leaseDays(data), 5);
    await api.deallocate(data);
  });

  step('nothing that fits: 404 and no miner is bothered', async ({ api, axons }) => {
    const before = axons.map((axon) => axon.calls.length);
    const impossible = [
      { cpu_count: 65 },
      { gpu_type: 'b200' },
      { gpu_size: 83 },
      { gpu_count: 2 },
      { ram: 513 },
      { hard_disk: 2001 },
      { gpu_type: 'a4000', cpu_count: 9 },
    ];
    for (const requirements of impossible) refused(await api.allocateSpec(requirements), 404, ...none);
    assert.deepEqual(
      axons.map((axon) => axon.calls.length),
      before,
    );
  });

  step('both parts are required', async ({ api }) => {
    const both = { requirements: 'Field required', docker_requirement: 'Field required' };
    invalid(await api.post('/service/allocate_spec'), both);
    invalid(await api.post('/service/allocate_spec', { body: {} }), both);
    invalid(await api.post('/service/allocate_spec', { body: { requirements: {} } }), {
      docker_requirement: 'Field required',
    });
    const object = 'Input should be a valid dictionary or object to extract fields from';
    invalid(await api.post('/service/allocate_spec', { body: [] }), { body: object });
    invalid(await api.post('/service/allocate_spec', { body: 'text' }), { body: object });
    invalid(await api.allocateSpec(null, [1]), { requirements: object, docker_requirement: object });
    invalid(await api.allocateSpec('gpu', 7), { requirements: object, docker_requirement: object });
  });

  step('every field that is wrong is named at once', async ({ api }) => {
    const requirements = {
      cpu_count: 'many',
      gpu_type: 4090,
      gpu_size: 1.5,
      gpu_count: null,
      ram: [1],
      hard_disk: -1,
      timeline: 0,
    };
    const docker = { base_image: 1, ssh_key: null, volume_path: true, dockerfile: {} };
    invalid(await api.allocateSpec({ cpu_count: -1 }, { ssh_key: 'no key' }), {
      cpu_count: 'Input should be greater than or equal to 0',
      ssh_key: 'Input should be one OpenSSH public key line',
    });
    const text = 'Input should be a valid string';
    invalid(await api.allocateSpec(requirements, docker), {
      cpu_count: 'Input should be a valid integer, unable to parse string as an integer',
      gpu_type: text,
      gpu_size: 'Input should be a valid integer, got a number with a fractional part',
      gpu_count: 'Input should be a valid integer',
      ram: 'Input should be a valid integer',
      hard_disk: 'Input should be greater than or equal to 0',
      timeline: 'Input should be greater than or equal to 1',
      base_image: text,
      ssh_key: text,
      volume_path: text,
      dockerfile: text,
    });
  });

  step('an integer beyond the range', async ({ api }) => {
    const huge = '9'.repeat(30);
    const raw = `{"requirements":{"cpu_count":"${huge}","ram":1e400,"timeline":1e30},"docker_requirement":{}}`;
    const reply = await api.post('/service/allocate_spec', { raw });
    failed(reply, 422);
    const messages = Object.fromEntries(reply.json.err_detail.map((e) => [e.field, e.message]));
    const size = 'Unable to parse input string as an integer, exceeded maximum size';
    assert.equal(messages.cpu_count, size);
    assert.ok('ram' in messages && 'timeline' in messages, reply.text);
  });

  step('an SSH key that is not one public key line never gets near a miner', async ({ api, axons }) => {
    const before = axons.map((axon) => axon.calls.length);
    for (const [what, key] of Object.entries(badSshKeys())) {
      const reply = await api.allocateSpec({}, { ssh_key: key });
      assert.equal(reply.status, 422, `${what}: ${reply.text}`);
      assert.deepEqual(reply.json.err_detail.map((e) => e.field), ['ssh_key'], what);
    }
    assert.deepEqual(
      axons.map((axon) => axon.calls.length),
      before,
    );
  });

  step('the end of the line, as a key read from a file has it, is taken away', async ({ api, axons }) => {
    for (const end of ['\n', '\r\n', '\n\n']) {
      const key = sshKey();
      const data = succeeded(await api.allocateSpec({}, { ssh_key: `${key}${end}` }), made);
      assert.equal(data.ssh_key, key);
      const axon = axons.find(({ hotkey }) => hotkey === data.hotkey);
      assert.deepEqual(axon.container().authorizedKeys, [key, '']);
      const next = sshKey();
      succeeded(await api.act('exchange_docker_key', data, { ssh_key: `${next}${end}` }),
        'Resource ssh_key is exchanged successfully.');
      assert.deepEqual(axon.container().authorizedKeys, [next, '']);
      assert.equal((await api.allocations())[0].ssh_key, next);
      await api.deallocate(data);
    }
  });

  step('when all are rented there is none', async ({ api }) => {
    const all = [];
    for (let i = 0; i < 3; ++i) all.push(succeeded(await api.allocateSpec({ gpu_size: 0 }), made));
    assert.equal(new Set(all.map((a) => a.hotkey)).size, 3);
    refused(await api.allocateSpec({ gpu_size: 0 }), 404, ...none);
    for (const allocation of all) await api.deallocate(allocation);
    await api.deallocate(succeeded(await api.allocateSpec({ gpu_size: 0 }), made));
  });
});

withSteps('allocate_hotkey', { miners: [{}, { specs: noGpu }, { specs: null }] }, (step) => {
  const path = '/service/allocate_hotkey';

  step('rents that miner for 30 days; the miner is told 60', async ({ api, axons }) => {
    const data = succeeded(await api.allocateHotkey(axons[0].hotkey), made);
    isAllocation(data, { hotkey: axons[0].hotkey, port: axons[0].sshPort });
    assert.equal(leaseDays(data), 30);
    const [register] = registersOf(axons[0]);
    assert.equal(register.timeline, 60);
    assert.equal(register.body.device_requirement.cpu.count, 1);
    assert.deepEqual(register.body.device_requirement.ram, { capacity: gib });
    assert.deepEqual(register.body.device_requirement.hard_disk, { capacity: gib });
    assert.equal(register.body.device_requirement.gpu.capacity, 3000);
    await api.deallocate(data);
  });

  step('one without a GPU, and one whose specs nobody knows, can be named too', async ({ api, axons }) => {
    for (const axon of axons.slice(1)) {
      const data = succeeded(await api.allocateHotkey(axon.hotkey), made);
      assert.equal(data.hotkey, axon.hotkey);
      assert.equal(data.resource, '');
      await api.deallocate(data);
    }
  });

  step('key and requirement of the body are passed on; a key in the query wins', async ({ api, axons }) => {
    const [{ hotkey }] = axons;
    const [ofQuery, ofBody] = [sshKey('q'), sshKey('b')];
    const body = { ssh_key: ofBody, base_image: 'pytorch', dockerfile: 'RUN apt-get update', volume_path: '/mnt' };
    let data = succeeded(await api.post(path, { query: { hotkey }, body }), made);
    assert.equal(data.ssh_key, ofBody);
    const { ssh_port: port, ...sent } = registersOf(axons[0]).at(-1).body.docker_requirement;
    assert.equal(typeof port, 'number');
    assert.deepEqual(sent, body);
    await api.deallocate(data);
    data = succeeded(await api.post(path, { query: { hotkey, ssh_key: ofQuery }, body }), made);
    assert.equal(data.ssh_key, ofQuery);
    assert.deepEqual(axons[0].container().authorizedKeys, [ofQuery, '']);
    await api.deallocate(data);
  });

  step('the hotkey is found in an object body too, and the query wins over it', async ({ api, axons }) => {
    let data = succeeded(await api.post(path, { body: { hotkey: axons[1].hotkey } }), made);
    assert.equal(data.hotkey, axons[1].hotkey);
    await api.deallocate(data);
    data = succeeded(await api.post(path, { query: { hotkey: axons[0].hotkey }, body: { hotkey: 'nobody' } }), made);
    assert.equal(data.hotkey, axons[0].hotkey);
    await api.deallocate(data);
  });

  step('a busy one is refused at once, without a call', async ({ api, axons }) => {
    const [axon] = axons;
    const data = succeeded(await api.allocateHotkey(axon.hotkey), made);
    const before = axon.calls.length;
    refused(await api.allocateHotkey(axon.hotkey), 404, ...none);
    assert.equal(axon.calls.length, before);
    assert.equal(axon.container().password, data.ssh_password, 'the first renter keeps it');
    await api.deallocate(data);
  });

  step('unknown and senseless hotkeys', async ({ api }) => {
    const stranger = hotkeyFrom(new Uint8Array(32).fill(7)).address;
    for (const hotkey of [stranger, 'x', '5'.repeat(48), 'x'.repeat(4000), '../../etc/passwd', '\u0000'])
      refused(await api.allocateHotkey(hotkey), 404, ...none);
    const empty = ['Invalid allocation request', 'Invalid hotkey, please check the hotkey'];
    refused(await api.allocateHotkey(''), 400, ...empty);
    refused(await api.post(path, { body: { hotkey: '' } }), 400, ...empty);
  });

  step('validation: all failing fields at once', async ({ api, axons }) => {
    const text = 'Input should be a valid string';
    invalid(await api.post(path), { hotkey: 'Field required' });
    invalid(await api.post(path, { body: { hotkey: 5, base_image: 1, dockerfile: [] } }), {
      hotkey: text,
      base_image: text,
      dockerfile: text,
    });
    invalid(await api.post(path, { body: { base_image: 1, ssh_key: 'no key' } }), {
      hotkey: 'Field required',
      base_image: text,
      ssh_key: 'Input should be one OpenSSH public key line',
    });
    invalid(await api.post(path, { query: { hotkey: axons[0].hotkey }, body: ['x'] }), {
      body: 'Input should be a valid dictionary or object to extract fields from',
    });
    for (const [what, key] of Object.entries(badSshKeys())) {
      const reply = await api.allocateHotkey(axons[0].hotkey, {
        query: { hotkey: axons[0].hotkey, ssh_key: key },
      });
      assert.equal(reply.status, 422, `${what}: ${reply.text}`);
      assert.deepEqual(reply.json.err_detail.map((e) => e.field), ['ssh_key'], what);
    }
    assert.equal(axons[0].container(), null);
  });
});
