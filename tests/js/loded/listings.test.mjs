// POST /service/check_miner_status, /list/allocations_sql, /list/resources_sql, /list/count_all_gpus,
// /list/count_all_by_model
import assert from 'node:assert/strict';
import { hotkeyFrom } from '../synapse.mjs';
import { invalid, refused, succeeded } from '../lib/replies.mjs';
import { specsOf, withSteps, withWorld } from '../lib/world.mjs';

const made = 'Resource was successfully allocated';
const stranger = hotkeyFrom(new Uint8Array(32).fill(9)).address;
const listed = 'List resources successfully';
const statuses = 'List hotkey status successfully.';
const negative = 'Input should be greater than or equal to 0';
const noInteger = 'Input should be a valid integer, unable to parse string as an integer';

const miners = [
  { specs: specsOf({ gpu: 'NVIDIA RTX A4000', mib: 16376, cpu: 8, ram: 31.4567, disk: 200.126 }) },
  { specs: specsOf({ gpu: 'NVIDIA H100 80GB HBM3', mib: 81559, cpu: 64, ram: 512, disk: 2000 }), version: 184 },
  { specs: specsOf({ gpu: 'NVIDIA GeForce RTX 4090', mib: 2 * 24564, count: 2, cpu: 32, ram: 128, disk: 900 }) },
  { specs: specsOf({ count: 0, mib: 0, cpu: 4, ram: 8, disk: 50 }) },
  { specs: null, version: 175 },
];

withSteps('check_miner_status', { miners }, (step) => {
  const path = '/service/check_miner_status';
  const ask = (api, body, query) => api.post(path, { body, query });

  step('free, rented, unknown, asked twice, in the order asked', async ({ api, axons }) => {
    const [a, b, c] = axons.map((axon) => axon.hotkey);
    const mine = succeeded(await api.allocateHotkey(b), made);
    const data = succeeded(await ask(api, [c, b, stranger, a, b, 'x', '']), statuses);
    assert.deepEqual(data, [
      { hotkey: c, status: 'Docker OFFLINE' },
      { hotkey: b, status: 'Docker ONLINE' },
      { hotkey: stranger, status: 'Not Found' },
      { hotkey: a, status: 'Docker OFFLINE' },
      { hotkey: b, status: 'Docker ONLINE' },
      { hotkey: 'x', status: 'Not Found' },
      { hotkey: '', status: 'Not Found' },
    ]);
    await api.deallocate(mine);
  });

  step('miners that do not answer as they should', async ({ api, axons }) => {
    axons[0].setHabit('check', { kind: 'silence' }, { times: 1 });
    // A check changes nothing, so one that a kept connection lost may be sent again.
    axons[1].setHabit('check', { kind: 'close' }, { times: 2 });
    axons[2].setHabit('check', { kind: 'nonsense', what: 'not-json' }, { times: 1 });
    axons[3].setHabit('check', { kind: 'http', status: 401 }, { times: 1 });
    const hotkeys = axons.map((axon) => axon.hotkey);
    const data = succeeded(await ask(api, hotkeys), statuses);
    const expected = ['Miner NO_RESPONSE', 'Unknown', 'Unknown', 'Unknown', 'Docker OFFLINE'];
    assert.deepEqual(data, hotkeys.map((hotkey, i) => ({ hotkey, status: expected[i] })));
    for (const axon of axons) axon.clearHabits();
  });

  step('all are asked at once', async ({ api, axons }) => {
    const held = axons.map((axon) => axon.setHabit('check', { kind: 'hold' }, { times: 1 }));
    const asked = ask(api, axons.map((axon) => axon.hotkey));
    await Promise.all(held.map(({ arrived }) => arrived));
    for (const { release } of held) release();
    assert.ok(succeeded(await asked, statuses).every(({ status }) => status === 'Docker OFFLINE'));
  });

  step('query_version names versions and asks no miner', async ({ api, axons }) => {
    const before = axons.map((axon) => axon.calls.length);
    const hotkeys = [axons[1].hotkey, stranger, axons[4].hotkey, axons[1].hotkey];
    for (const query_version of ['true', '1', 'Yes', 'ON', 't', 'y'])
      assert.deepEqual(succeeded(await ask(api, hotkeys, { query_version }), statuses), [
        { hotkey: hotkeys[0], version: 184 },
        { hotkey: stranger, status: 'Not Found' },
        { hotkey: hotkeys[2], version: 175 },
        { hotkey: hotkeys[0], version: 184 },
      ]);
    assert.deepEqual(axons.map((axon) => axon.calls.length), before);
    for (const query_version of ['false', '0', 'No', 'off', 'F', 'n'])
      assert.equal(succeeded(await ask(api, [stranger], { query_version }), statuses)[0].status, 'Not Found');
  });

  step('an empty list', async ({ api }) => {
    assert.deepEqual(succeeded(await ask(api, []), statuses), []);
  });

  step('what is not a list of strings', async ({ api }) => {
    const list = 'Input should be a valid list';
    const text = 'Input should be a valid string';
    invalid(await api.post(path), { body: 'Field required' });
    for (const body of [{}, 'x', 5, true]) invalid(await ask(api, body), { body: list });
    const reply = await ask(api, ['x', 1, null, 'y', ['z'], { a: 1 }], { query_version: 'perhaps' });
    invalid(reply, {
      1: text,
      2: text,
      4: text,
      5: text,
      query_version: 'Input should be a valid boolean, unable to interpret input',
    });
    assert.deepEqual(
      reply.json.err_detail.filter((e) => typeof e.field === 'number').map((e) => e.field),
      [1, 2, 4, 5],
      'elements by their index',
    );
  });
});

withSteps('resources_sql', { miners }, (step) => {
  const path = '/list/resources_sql';
  const list = async (api, body, query) => succeeded(await api.post(path, { body, query }), listed);
  const byName = (world, items) => items.map((item) => world.axons.findIndex((axon) => axon.hotkey === item.hotkey));

  step('every miner with specs, as the original shows it', async (world) => {
    const { axons } = world;
    const data = await list(world.api);
    assert.deepEqual(
      { ...data, page_items: data.page_items.length },
      { page_items: 4, page_number: 1, page_size: 4, next_page_number: null },
    );
    const of = (i) => data.page_items.find((item) => item.hotkey === axons[i].hotkey);
    assert.deepEqual(of(0), {
      hotkey: axons[0].hotkey,
      cpu_count: 8,
      gpu_name: 'nvidia rtx a4000',
      gpu_capacity: 15.99,
      gpu_count: 1,
      ram: 31.46,
      hard_disk: 200.13,
      allocate_status: 'available',
    });
    assert.equal(of(2).gpu_capacity, 47.98);
    assert.equal(of(2).gpu_count, 2);
    assert.equal(of(3).gpu_name, '');
    assert.equal(of(3).gpu_count, 0);
    assert.equal(of(4), undefined, 'one without specs is never listed');
  });

  step('filters, inclusive, in any mix and as text', async (world) => {
    const cases = [
      [{ gpu_name: 'rtx' }, [0, 2]],
      [{ gpu_name: 'GEFORCE rtx' }, [2]],
      [{ gpu_name: '' }, [0, 1, 2, 3]],
      [{ cpu_count_min: 32 }, [1, 2]],
      [{ cpu_count_min: '32', cpu_count_max: 32.0 }, [2]],
      [{ cpu_count_max: 8 }, [0, 3]],
      [{ gpu_capacity_min: 15.99, gpu_capacity_max: '15.99' }, [0]],
      [{ gpu_capacity_min: 16 }, [1, 2]],
      [{ ram_total_min: 128, ram_total_max: 512 }, [1, 2]],
      [{ hard_disk_total_max: 200.13 }, [0, 3]],
      [{ hard_disk_total_min: 200.13, gpu_name: 'rtx', cpu_count_max: 8 }, [0]],
      [{ gpu_name: null, cpu_count_min: null, unknown: 1 }, [0, 1, 2, 3]],
      [{ cpu_count_min: 1000 }, []],
    ];
    for (const [query, expected] of cases) {
      const { page_items: items } = await list(world.api, query);
      assert.deepEqual(byName(world, items).sort(), expected, JSON.stringify(query));
    }
  });

  step('pages', async (world) => {
    const { api } = world;
    const seen = [];
    for (const [number, size, items, next] of [
      [1, 3, 3, 2],
      [2, 3, 1, null],
      [3, 3, 0, null],
      [1, 4, 4, null],
      ['1', ' 2 ', 2, 2],
    ]) {
      const data = await list(api, undefined, { page_number: number, page_size: size });
      assert.equal(data.page_items.length, items, `page ${number} of ${size}`);
      assert.equal(data.page_number, Number(number));
      assert.equal(data.page_size, Number(size));
      assert.equal(data.next_page_number, next, `page ${number} of ${size}`);
      if (size === 3) seen.push(...data.page_items.map((item) => item.hotkey));
    }
    assert.equal(new Set(seen).size, 4, 'no miner twice, none left out');
    const all = [{ page_size: 2 }, { page_number: 0 }, { page_number: 0, page_size: 2 }];
    for (const query of all) assert.equal((await list(api, undefined, query)).page_items.length, 4);
    for (const query of [{ page_number: 1 }, { page_number: 1, page_size: 0 }])
      assert.equal((await list(api, undefined, query)).page_size, 50);
    const far = await list(api, undefined, { page_number: '9223372036854775807', page_size: '9223372036854775807' });
    assert.deepEqual(far.page_items, []);
  });

  step('stats count what matches', async (world) => {
    const { api, axons } = world;
    const mine = succeeded(await api.allocateHotkey(axons[2].hotkey), made);
    const { stats } = await list(api, undefined, { stats: 'yes' });
    assert.deepEqual(stats, { available: 3, reserved: 1, total: 4 });
    const matching = await list(api, { gpu_name: 'rtx' }, { stats: true });
    assert.deepEqual(matching.stats, { available: 1, reserved: 1, total: 2 });
    const { page_items: items } = await list(api);
    for (const item of items)
      assert.equal(item.allocate_status, item.hotkey === mine.hotkey ? 'reserved' : 'available');
    await api.deallocate(mine);
    assert.deepEqual((await list(api, undefined, { stats: 1 })).stats, { available: 4, reserved: 0, total: 4 });
  });

  step('input that is wrong, all at once', async ({ api }) => {
    const object = 'Input should be a valid dictionary or object to extract fields from';
    for (const body of [[], 'x', 1]) invalid(await api.post(path, { body }), { body: object });
    const body = {
      gpu_name: 1,
      cpu_count_min: -1,
      cpu_count_max: 1.5,
      gpu_capacity_min: 'big',
      gpu_capacity_max: 'inf',
      hard_disk_total_min: [],
      ram_total_max: -0.5,
    };
    const query = { page_number: -1, page_size: 'x', stats: 'perhaps' };
    invalid(await api.post(path, { body, query }), {
      gpu_name: 'Input should be a valid string',
      cpu_count_min: negative,
      cpu_count_max: 'Input should be a valid integer, got a number with a fractional part',
      gpu_capacity_min: 'Input should be a valid number, unable to parse string as a number',
      gpu_capacity_max: 'Input should be a finite number',
      hard_disk_total_min: 'Input should be a valid number',
      ram_total_max: negative,
      page_number: negative,
      page_size: noInteger,
      stats: 'Input should be a valid boolean, unable to interpret input',
    });
  });
});

withSteps('count_all_gpus and count_all_by_model', { miners }, (step) => {
  const counted = async (api, path, options) => {
    const { status, json } = await api.post(path, options);
    assert.equal(status, 200);
    const { count } = json;
    assert.deepEqual(json, { success: true, message: listed, count, data: { count } });
    return count;
  };

  step('GPUs, whether rented or not', async ({ api, axons }) => {
    assert.equal(await counted(api, '/list/count_all_gpus'), 4);
    const mine = succeeded(await api.allocateHotkey(axons[2].hotkey), made);
    assert.equal(await counted(api, '/list/count_all_gpus'), 4);
    await api.deallocate(mine);
  });

  step('miners by the whole name of the GPU, then by CPUs, else by RAM rounded up', async ({ api }) => {
    const path = '/list/count_all_by_model';
    for (const [query, expected] of [
      [{ model: 'NVIDIA RTX A4000' }, 1],
      [{ model: 'nvidia rtx a4000' }, 1],
      [{ model: 'rtx' }, 0],
      [{ model: '' }, 1],
      [{ model: 'nvidia rtx a4000', cpu_count: 8 }, 1],
      [{ model: 'nvidia rtx a4000', cpu_count: 9, ram_size: 32 }, 0],
      [{ model: 'nvidia rtx a4000', ram_size: 32 }, 1],
      [{ model: 'nvidia rtx a4000', ram_size: '32.0' }, 1],
      [{ model: 'nvidia rtx a4000', ram_size: 31.4567 }, 0],
      [{ model: 'nvidia rtx a4000', ram_size: 31 }, 0],
      [{ model: 'nvidia h100 80gb hbm3', ram_size: 512 }, 1],
    ]) {
      assert.equal(await counted(api, path, { query }), expected, JSON.stringify(query));
      assert.equal(await counted(api, path, { body: query }), expected, JSON.stringify(query));
    }
    invalid(await api.post(path, { query: { cpu_count: -1, ram_size: 'x' } }), {
      model: 'Field required',
      cpu_count: negative,
      ram_size: 'Input should be a valid number, unable to parse string as a number',
    });
  });
});

withSteps('allocations_sql', { miners: 3 }, (step) => {
  const path = '/list/allocations_sql';

  step('none', async ({ api }) => {
    const text = 'No allocated resources found. Allocate a resource with validator.';
    for (const body of [undefined, {}, null]) {
      const { status, json } = await api.post(path, { body });
      assert.equal(status, 404);
      assert.deepEqual(json, { success: false, message: 'No resources found.', err_detail: text, data: text });
    }
  });

  step('all of them, and by pages', async ({ api }) => {
    const mine = [];
    for (let i = 0; i < 3; ++i) mine.push(succeeded(await api.allocateSpec(), made));
    const byHotkey = (a, b) => (a.hotkey < b.hotkey ? -1 : 1);
    mine.sort(byHotkey);
    const message = 'List allocations successfully.';
    assert.deepEqual(succeeded(await api.post(path), message).sort(byHotkey), mine);
    assert.deepEqual(succeeded(await api.post(path, { query: { page_number: 0, page_size: 1 } }), message).length, 3);
    const seen = [];
    for (const page_number of [1, 2])
      seen.push(...succeeded(await api.post(path, { query: { page_number, page_size: 2 } }), message));
    assert.deepEqual(seen.sort(byHotkey), mine);
    assert.deepEqual(succeeded(await api.post(path, { query: { page_number: 3, page_size: 2 } }), message), []);
    invalid(await api.post(path, { query: { page_number: -1, page_size: '1.5' } }), {
      page_number: negative,
      page_size: noInteger,
    });
    for (const allocation of mine) await api.deallocate(allocation);
  });
});

withWorld('no miner at all', { file: false }, async ({ api }) => {
  refused(await api.post('/list/resources_sql'), 404, 'There is no resource available', 'No resources found.');
  refused(await api.post('/list/resources_sql', { query: { stats: true } }), 404, 'There is no resource available',
    'No resources found.');
  refused(await api.allocateSpec(), 404, 'Fail to allocate resource', 'Requested resource is not available.');
});
