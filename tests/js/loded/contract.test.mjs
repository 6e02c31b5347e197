// The running daemon against its own description: every operation is called with the description's examples, with random
// valid and random invalid input (LODE_SEED repeats a run), and until each documented status has come; every reply is
// validated. Writes the table of operation x status, and fails on a hole, to the file that LODE_COVERAGE names.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import http from 'node:http';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Listener } from '../lib/listener.mjs';
import { Description } from '../lib/openapi.mjs';
import { sshKey } from '../lib/replies.mjs';
import { inWorld } from '../lib/world.mjs';

const seed = Number(process.env.LODE_SEED ?? crypto.randomInt(2 ** 31));
console.log(`LODE_SEED=${seed}`);
let state = seed;
/** A number below n (mulberry32). */
const random = (n) => {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % n;
};
const pick = (list) => list[random(list.length)];

// Statuses that a healthy daemon does not give, and the unit test that sees to each. '*' is every operation.
const byUnitTest = [
  { path: '*', status: 500, suite: 'openapi_test', name: 'whatever_goes_wrong_within_is_500_as_described' },
  { path: '/service/deallocate', status: 403, suite: 'endpoints', name: 'deallocate' },
  { path: '/admin/mark', status: 400, suite: 'miners_test', name: 'what_became_of_a_mark' },
];

let description;
const reached = new Map(); // 'METHOD path status' -> names of tests
const note = ({ method, path }, status, name) => {
  const key = `${method} ${path} ${status}`;
  reached.set(key, (reached.get(key) ?? new Set()).add(name));
};
/** One call of the operation at `path`; its reply must be as described. */
const caller = (api, name) => async (path, options = {}) => {
  const operation = description.operations().find((o) => o.path === path);
  const reply = await api.request(operation.method, path, options);
  assert.equal(description.fault(operation, reply), '', name);
  note(operation, reply.status, name);
  return reply;
};
const worldly = (name, options, body) =>
  test(name, () =>
    inWorld(options, async (world) => {
      description ??= await Description.of(world.api);
      await body(world, caller(world.api, name));
    }),
  );

const parametersOf = ({ operation }, place) => (operation.parameters ?? []).filter((p) => p.in === place);
const queryOf = (operation, value) =>
  Object.fromEntries(parametersOf(operation, 'query').map((p) => [p.name, value(p)]).filter(([, v]) => v !== undefined));
const bodySchema = ({ operation }) => operation.requestBody?.content['application/json'].schema;
/** Name -> schema of what a body may hold; null when it is no object. */
function members(schema) {
  const whole = description.resolve(schema);
  if (whole.allOf) return Object.assign({}, ...whole.allOf.map(members));
  return whole.type === 'object' ? whole.properties : null;
}

const text = () => pick(['', 'x', 'nvidia', 'ü', '%00', '\u0000', "a'b", 'ssh-ed25519', '5'.repeat(48), crypto.randomUUID()]);
function valid(given) {
  const schema = description.resolve(given);
  if (schema.enum) return pick(schema.enum);
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map(valid));
  const type = Array.isArray(schema.type) ? pick(schema.type) : schema.type;
  const low = schema.minimum ?? 0;
  const n = low + random(Math.min((schema.maximum ?? 1000) - low, 100) + 1);
  switch (type) {
    case 'integer':
      return pick([n, String(n), ` ${n} `]);
    case 'number':
      return pick([n, n + 0.5, String(n)]);
    case 'boolean':
      return pick([true, false, 'yes', 'OFF', 1, 0]);
    case 'null':
      return null;
    case 'array':
      return Array.from({ length: random(4) }, () => valid(schema.items));
    case 'object':
      return Object.fromEntries(
        Object.entries(schema.properties)
          .filter(([name]) => schema.required?.includes(name) || random(2))
          .map(([name, s]) => [name, valid(s)]),
      );
    default:
      return text();
  }
}
/** What is wrong in a query; undefined where any text is right. */
const wrongInQuery = ({ type }) =>
  ({ integer: ['x', '1.5', '-1', '', '1e3', '9'.repeat(30)], number: ['x', '-0.5', '', 'nan'], boolean: ['perhaps', '', '2'] })[
    type
  ];
const named = (reply) => reply.json.err_detail.map(({ field }) => String(field));

worldly('examples and random input', { file: false, settings: { 'miners.simulated': 8 } }, async (world, call) => {
  const operations = description.operations();
  for (const o of operations) {
    const headers = Object.fromEntries(parametersOf(o, 'header').map((p) => [p.name, `${p.example}-${o.path}`]));
    const body = o.operation.requestBody?.content['application/json'].example;
    const query = queryOf(o, (p) => p.example);
    const reply = await call(o.path, { query, body, headers });
    assert.notEqual(reply.status, 422, `${o.path}: ${reply.text}`);
  }
  for (let round = 0; round < 25; ++round)
    for (const o of operations) {
      if (o.path === '/admin/keys/add') continue; // a first key would shut this test out
      const query = queryOf(o, (p) => (p.required || random(2) ? valid(p.schema) : undefined));
      const schema = bodySchema(o);
      const body = schema && (o.operation.requestBody.required || random(2)) ? valid(schema) : undefined;
      await call(o.path, { query, body });
    }
  for (let round = 0; round < 25; ++round)
    for (const o of operations) {
      const query = queryOf(o, (p) => (p.required ? valid(p.schema) : undefined));
      const wrong = [];
      const doubtful = parametersOf(o, 'query').filter((p) => wrongInQuery(p.schema));
      if (doubtful.length > 0) {
        const p = pick(doubtful);
        query[p.name] = pick(wrongInQuery(p.schema));
        wrong.push(p.name);
      }
      let body;
      const inBody = bodySchema(o) && members(bodySchema(o));
      if (inBody) {
        const names = Object.keys(inBody).filter((name) => !(name in query));
        if (names.length > 0) {
          const name = pick(names);
          body = { [name]: [] };
          wrong.push(name);
        }
      } else if (bodySchema(o)) {
        body = {};
        wrong.push('body');
      }
      if (wrong.length === 0) continue;
      const reply = await call(o.path, { query, body });
      assert.equal(reply.status, 422, `${o.path} ${JSON.stringify({ query, body })}: ${reply.text}`);
      for (const name of wrong) assert.ok(named(reply).includes(name), `${o.path}: ${name} is not named: ${reply.text}`);
    }
  for (const o of operations) {
    const required = parametersOf(o, 'query').filter((p) => p.required);
    if (required.length === 0) continue;
    const reply = await call(o.path);
    assert.equal(reply.status, 422, o.path);
    for (const { name } of required) assert.ok(named(reply).includes(name), `${o.path}: ${name} is not named`);
  }
  // Every scalar is read in either place, and the query wins.
  for (const o of operations) {
    if (o.method !== 'POST' || (bodySchema(o) && members(bodySchema(o)) === null)) continue;
    const ofBody = description.resolve(bodySchema(o)?.allOf?.[0])?.properties ?? {}; // wrong there whatever the query says
    for (const { name, example } of parametersOf(o, 'query')) {
      if (o.path === '/admin/keys/add' || name in ofBody) continue;
      const body = { [name]: [] };
      const inBody = await call(o.path, { body });
      assert.equal(inBody.status, 422, `${o.path} ${name}: ${inBody.text}`);
      assert.ok(named(inBody).includes(name), `${o.path} ${name}: ${inBody.text}`);
      const inBoth = await call(o.path, { body, query: { [name]: example } });
      assert.ok(inBoth.status !== 422 || !named(inBoth).includes(name), `${o.path} ${name}: ${inBoth.text}`);
    }
  }
  for (const o of operations)
    if (o.operation.responses[413]) {
      const reply = await call(o.path, { raw: ' '.repeat(1024 * 1024 + 1) });
      assert.equal(reply.status, 413);
    }
  for (const [method, path, status] of [['GET', '/nowhere', 404], ['PUT', '/healthz', 405], ['GET', '/list/specs', 405]]) {
    const reply = await world.api.request(method, path);
    assert.equal(reply.status, status);
    assert.ok(description.at('components', 'schemas', 'Problem')(reply.json), reply.text);
  }
});

worldly('without miners', { file: false }, async (_, call) => {
  for (const path of ['/list/resources_sql', '/list/allocations_sql', '/service/allocate_spec'])
    assert.equal((await call(path, { body: { requirements: {}, docker_requirement: {} } })).status, 404, path);
  assert.equal((await call('/test/notify')).status, 400);
});

const receiver = http.createServer((request, response) => request.resume().on('end', () => response.writeHead(200).end()));
receiver.listen(0, '127.0.0.1');
await once(receiver, 'listening');
receiver.unref();
const hooks = `http://127.0.0.1:${receiver.address().port}/`;

worldly('a lease', { miners: 2, settings: { 'notify.deallocation-url': hooks } }, async ({ axons, api }, call) => {
  const [axon, other] = axons;
  const has = (path) => path in description.document.paths;
  const { hotkey } = axon;
  assert.equal((await call('/service/allocate_hotkey', { query: { hotkey: '' } })).status, 400);
  assert.equal((await call('/service/allocate_hotkey', { query: { hotkey: 'nobody' } })).status, 404);
  const { data } = (await call('/service/allocate_hotkey', { query: { hotkey } })).json;
  const extra = { exchange_docker_key: { ssh_key: sshKey() }, extend: { days: 1 } };
  const actions = ['restart_docker', 'pause_docker', 'unpause_docker', 'exchange_docker_key', 'extend', 'check_port'];
  const act = (name, query = {}) =>
    call(`/service/${name}`, { query: { hotkey, uuid_key: data.uuid_key, ...extra[name], ...query } });
  const known = [...actions.filter((name) => has(`/service/${name}`)), 'deallocate'];
  for (const name of known) {
    assert.equal((await act(name, { hotkey: 'nobody' })).status, 404, name);
    assert.equal((await act(name, { uuid_key: crypto.randomUUID() })).status, 400, name);
  }
  axon.setHabit('*', { kind: 'refuse' });
  for (const name of known.slice(0, 4)) assert.equal((await act(name)).status, 403, name);
  axon.clearHabits();
  for (const name of known.slice(0, -1)) {
    assert.equal((await act(name)).status, 200, name);
    if (name === 'pause_docker') for (const late of known.slice(4, -1)) await act(late);
  }
  if (has('/service/extend')) assert.equal((await act('extend', { days: 36500 })).status, 400);
  assert.equal((await call('/service/check_miner_status', { body: [hotkey, other.hotkey, 'nobody'] })).status, 200);
  assert.equal((await call('/service/check_miner_status', { body: [hotkey], query: { query_version: 1 } })).status, 200);
  for (const path of ['/list/allocations_sql', '/list/resources_sql', '/list/count_all_gpus'])
    assert.equal((await call(path)).status, 200, path);
  assert.equal((await call('/list/resources_sql', { query: { stats: true } })).status, 200);
  assert.equal((await act('deallocate', { notify_flag: true })).status, 200);
  const spec = await call('/service/allocate_spec', { body: { requirements: {}, docker_requirement: {} } });
  assert.equal(spec.status, 200);
  await api.deallocate(spec.json.data);

  assert.equal((await call('/test/notify')).status, 200);
  assert.equal((await call('/admin/notifications')).status, 200);
  assert.equal((await call('/admin/notifications/resend')).status, 200);
  assert.equal((await call('/admin/notifications/resend', { query: { id: 'none' } })).status, 404);
  const mark = { hotkey: other.hotkey, mark: 'cordon' };
  assert.equal((await call('/admin/mark', { query: { ...mark, hotkey: 'nobody' } })).status, 404);
  assert.equal((await call('/admin/unmark', { query: mark })).status, 404);
  assert.equal((await call('/admin/mark', { query: { ...mark, reason: 'dust' } })).status, 200);
  await call('/admin/mark', { query: { ...mark, reason: 'x\ny' } });
  await call('/admin/mark', { query: { ...mark, mark: 'quarantine' } });
  for (const path of ['/admin/miners', '/admin/explain']) {
    const { json } = await call(path, { body: {} });
    assert.equal(json.data.page_items.length, 2, path);
  }
  assert.equal((await call('/admin/unmark', { query: mark })).status, 200);
  await call('/admin/unmark', { query: { ...mark, mark: 'quarantine' } });
});

worldly('/connect', { file: false }, async ({ loded }, call) => {
  const listener = await Listener.open(loded.url);
  note({ method: 'GET', path: '/connect' }, 101, '/connect');
  listener.destroy();
  assert.equal((await call('/connect')).status, 426);
  const upgrade = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
  const headers = { ...upgrade, 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==', origin: 'http://elsewhere' };
  assert.equal((await call('/connect', { headers })).status, 403);
});

worldly('one request at a time', { miners: 1, settings: { 'http.max-in-flight': 1 } }, async ({ axons, api }, call) => {
  const held = axons[0].setHabit('check', { kind: 'hold' }, { times: 1 });
  const first = api.allocateHotkey(axons[0].hotkey);
  await held.arrived;
  for (const { path } of description.operations()) assert.equal((await call(path)).status, 503, path);
  held.release();
  await api.deallocate((await first).json.data);
});

const secured = () => description.operations().filter((o) => o.operation.security.length > 0);

for (const [name, limit, expected] of [['keys', 0, 401], ['too many failures', 1, 429]])
  worldly(name, { file: false, start: true, settings: { 'miners.simulated': 1 } }, async (world) => {
    await world.stop();
    world.loded.settings['access.failures-per-minute'] = limit;
    await world.start();
    const call = caller(world.api, name);
    for (const { path } of secured())
      assert.equal((await call(path, { headers: { origin: 'http://elsewhere' } })).status, 403, path);
    const early = await call('/admin/keys/add', { query: { name: 'ci', role: 'read' } });
    assert.equal(early.status, 400, 'the first key must be an admin');
    const added = await call('/admin/keys/add', { query: { name: 'root', role: 'admin' } });
    const admin = { headers: { authorization: `Bearer ${added.json.data.key}` } };
    const keep = async (options) => {
      const reply = await call('/admin/keys/add', { ...admin, ...options });
      world.secret(reply.json.data?.key);
      return reply;
    };
    world.secret(added.json.data.key);
    const reader = (await keep({ query: { name: 'ci', role: 'read' } })).json.data;
    if (limit > 0) await call('/list/specs');
    for (const o of secured()) {
      assert.equal((await call(o.path)).status, expected, o.path);
      const needs = o.operation.security[0].bearer[0];
      if (needs === 'read') continue;
      const headers = { authorization: `Bearer ${reader.key}` };
      assert.equal((await call(o.path, { headers })).status, 403, o.path);
    }
    assert.equal((await keep({ query: { name: 'a b', role: 'read' } })).status, 422);
    assert.equal((await call('/admin/keys', admin)).status, 200);
    const revoke = (id) => call('/admin/keys/revoke', { ...admin, query: { id } });
    assert.equal((await revoke('none')).status, 404);
    assert.equal((await revoke(added.json.data.id)).status, 400);
    assert.equal((await revoke(reader.id)).status, 200);
    await world.stop();
  });

worldly('addresses that are not allowed', { file: false }, async (world) => {
  await world.stop();
  world.loded.settings['access.allow'] = ['192.0.2.0/24'];
  await world.loded.start();
  const call = caller(world.client(), 'addresses that are not allowed');
  for (const { path } of description.operations()) assert.equal((await call(path)).status, 403, path);
  await world.stop();
});

test('no documented status is without a test', async () => {
  const folder = fileURLToPath(new URL('../../unit/', import.meta.url));
  const files = (await fs.readdir(folder, { recursive: true })).filter((name) => name.endsWith('_test.cpp'));
  const sources = (await Promise.all(files.map((name) => fs.readFile(folder + name, 'utf8')))).join('\n');
  for (const { suite, name } of byUnitTest)
    assert.match(sources, new RegExp(`TEST_F\\(${suite}, ${name}\\)`), `no unit test ${suite}.${name}`);

  const holes = [];
  const lines = ['| operation | status | test |', '| --- | --- | --- |'];
  for (const { method, path, operation } of description.operations())
    for (const status of Object.keys(operation.responses).filter((name) => name !== 'default')) {
      const tests = [...(reached.get(`${method} ${path} ${status}`) ?? [])].map((name) => `js.loded.contract: ${name}`);
      for (const unit of byUnitTest)
        if ((unit.path === '*' || unit.path === path) && String(unit.status) === status)
          tests.push(`${unit.suite}.${unit.name}`);
      lines.push(`| ${method} \`${path}\` | ${status} | ${tests.join('; ')} |`);
      if (tests.length > 0) continue;
      holes.push(`${method} ${path} ${status}`);
    }
  if (process.env.LODE_COVERAGE) await fs.writeFile(process.env.LODE_COVERAGE, `${lines.join('\n')}\n`);
  assert.deepEqual(holes, []);
});
