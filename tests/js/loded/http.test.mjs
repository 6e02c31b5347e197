// What holds for every path of the REST API, through the real daemon: envelopes, methods, limits, request ids.
import assert from 'node:assert/strict';
import { refused, failed, invalid } from '../lib/replies.mjs';
import { withSteps } from '../lib/world.mjs';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const posts = [
  '/service/allocate_spec',
  '/service/allocate_hotkey',
  '/service/deallocate',
  '/service/check_miner_status',
  '/service/restart_docker',
  '/service/pause_docker',
  '/service/unpause_docker',
  '/service/exchange_docker_key',
  '/list/allocations_sql',
  '/list/resources_sql',
  '/list/resources_wandb',
  '/list/count_all_gpus',
  '/list/count_all_by_model',
  '/list/all_runs',
  '/list/specs',
  '/list/run_by_name',
  '/list/available',
  '/list/allocated_hotkeys',
];
const welcome = { message: 'Welcome to Compute Subnet Allocation API, Please access the API via endpoint.' };

withSteps('every path', { miners: 1 }, (step) => {
  step('the root greets as the original does, with and without a query', async ({ api }) => {
    for (const path of ['/', '/?x=1']) {
      const reply = await api.get(path);
      assert.equal(reply.status, 200);
      assert.deepEqual(reply.json, welcome);
      assert.match(reply.headers['content-type'], /^application\/json\b/);
    }
  });

  step('healthz and readyz', async ({ api }) => {
    assert.equal((await api.get('/healthz')).status, 200);
    const ready = await api.get('/readyz');
    assert.equal(ready.status, 200);
    assert.equal(ready.json.data.miners, 1);
    assert.equal(ready.json.data.allocations, 0);
    assert.deepEqual(ready.json.data.set_aside, []);
  });

  step('a trailing slash is accepted, two are not', async ({ api }) => {
    assert.equal((await api.get('/healthz/')).status, 200);
    refused(await api.post('/list/allocations_sql/'), 404, 'No resources found.',
      'No allocated resources found. Allocate a resource with validator.');
    failed(await api.get('/healthz//'), 404);
  });

  step('a path that does not exist is 404 in the envelope, whatever the method', async ({ api }) => {
    for (const method of ['GET', 'POST', 'DELETE', 'PUT'])
      for (const path of ['/nowhere', '/service', '/service/allocate', '/Service/allocate_spec', '/%00', '/a%2fb'])
        failed(await api.request(method, path), 404);
  });

  step('a wrong method is 405 and says what is allowed', async ({ api }) => {
    for (const path of posts) {
      for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
        const reply = await api.request(method, path);
        failed(reply, 405);
        assert.equal(reply.headers.allow, 'POST');
      }
      const head = await api.request('HEAD', path);
      assert.equal(head.status, 405);
      assert.equal(head.text, '');
    }
    for (const path of ['/', '/healthz', '/readyz'])
      for (const method of ['POST', 'DELETE', 'OPTIONS']) {
        const reply = await api.request(method, path);
        failed(reply, 405);
        assert.deepEqual(reply.headers.allow.split(', ').sort(), ['GET', 'HEAD']);
      }
  });

  step('HEAD is GET without a body', async ({ api }) => {
    const get = await api.get('/');
    const head = await api.request('HEAD', '/');
    assert.equal(head.status, 200);
    assert.equal(head.text, '');
    assert.equal(head.headers['content-length'], get.headers['content-length']);
  });

  step('x-request-id: a sane one comes back, any other is replaced by a fresh UUID', async ({ api }) => {
    for (const id of ['abc-123', 'A.b_c-d', '5ecbd69c-1cec-41ee-b0dc-e29ce36fec1a']) {
      const reply = await api.get('/healthz', { headers: { 'x-request-id': id } });
      assert.equal(reply.headers['x-request-id'], id);
    }
    const seen = new Set();
    for (const id of [undefined, '', 'a b', 'x'.repeat(5000), '"><script>', 'é']) {
      const reply = await api.get('/nowhere', { headers: id === undefined ? {} : { 'x-request-id': id } });
      assert.match(reply.headers['x-request-id'], uuid);
      seen.add(reply.headers['x-request-id']);
    }
    assert.equal(seen.size, 6, 'each is fresh');
  });

  step('a body that is too large is 413 and nothing is done', async ({ api }) => {
    const raw = JSON.stringify({ requirements: {}, docker_requirement: { dockerfile: 'x'.repeat(1024 * 1024) } });
    failed(await api.post('/service/allocate_spec', { raw }), 413);
    assert.deepEqual(await api.allocations(), []);
  });

  step('a header that is too large is 431', async ({ api }) => {
    failed(await api.get('/', { headers: { 'x-filler': 'x'.repeat(20 * 1024) } }), 431);
  });

  step('a body that is not JSON is 422 and says at which byte', async ({ api }) => {
    const broken = { '{"requirements": ': 17, '{"a":1,}': 7, hello: 0, "{'a': 1}": 1 };
    for (const [raw, offset] of Object.entries(broken)) {
      const reply = await api.post('/service/allocate_spec', { raw });
      invalid(reply, { [offset]: 'JSON decode error' });
      assert.equal(typeof reply.json.err_detail[0].field, 'number');
    }
    invalid(await api.post('/list/resources_sql', { raw: '[1' }), { 2: 'JSON decode error' });
    invalid(await api.post('/service/check_miner_status', { raw: '[NaN]' }), { 1: 'JSON decode error' });
  });

  step('JSON that nests without end is refused, not followed', async ({ api }) => {
    failed(await api.post('/service/allocate_spec', { raw: '['.repeat(100_000) }), 422);
    failed(await api.post('/service/allocate_spec', { raw: `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}` }), 422);
  });

  step('a byte order mark before JSON does not matter', async ({ api }) => {
    const reply = await api.post('/list/resources_sql', { raw: '\ufeff{"gpu_name": "none"}' });
    assert.deepEqual([reply.status, reply.json.data?.page_items], [200, []]);
    invalid(await api.post('/list/resources_sql', { raw: '\ufeff{"gpu_name": }' }), { 13: 'JSON decode error' });
  });

  step('a body of another type is not read: a 422 where a body is wanted, else as none', async ({ api }) => {
    const form = { raw: '{}', headers: { 'content-type': 'application/x-www-form-urlencoded' } };
    for (const path of ['/list/allocations_sql', '/list/count_all_gpus', '/service/deallocate', '/list/specs']) {
      const query = { hotkey: 'x', uuid_key: 'y' };
      const [given, none] = [await api.post(path, { ...form, query }), await api.post(path, { query })];
      assert.deepEqual([given.status, given.text], [none.status, none.text], path);
    }
    invalid(await api.post('/service/deallocate', { ...form, raw: '{"hotkey":"x","uuid_key":"y"}' }), {
      hotkey: 'Field required',
      uuid_key: 'Field required',
    });
    const object = 'Input should be a valid dictionary or object to extract fields from';
    for (const path of ['/service/allocate_spec', '/list/resources_sql', '/list/resources_wandb', '/admin/explain'])
      invalid(await api.post(path, form), { body: object });
    invalid(await api.post('/service/allocate_hotkey', { ...form, query: { hotkey: 'x' } }), { body: object });
    invalid(await api.post('/service/check_miner_status', form), { body: 'Input should be a valid list' });
    // Also where the same bytes were just answered as JSON.
    const raw = '{"gpu_name": "a4000"}';
    assert.equal((await api.post('/list/resources_sql', { raw })).status, 200);
    invalid(await api.post('/list/resources_sql', { ...form, raw }), { body: object });
    assert.equal((await api.post('/list/resources_sql', { raw })).status, 200);
  });

  step('no content type, application/json and +json are JSON', async ({ api }) => {
    const raw = '{"gpu_name": "a4000"}';
    for (const type of ['application/json', 'application/json; charset=utf-8', 'application/vnd.api+json', '']) {
      const reply = await api.post('/list/resources_sql', { raw, headers: { 'content-type': type } });
      assert.equal(reply.json.data.page_items.length, 1, type);
      const none = await api.post('/list/resources_sql', {
        raw: '{"gpu_name": "none"}',
        headers: { 'content-type': type },
      });
      assert.deepEqual(none.json.data.page_items, [], type);
    }
  });
});
