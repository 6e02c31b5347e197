// GET /metrics: exact counts of what was done, a format that promtool has nothing to say about, no secret, no delay.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { increments, promtool, promtoolAgrees, samplesOf } from '../lib/metrics.mjs';
import { failed, succeeded } from '../lib/replies.mjs';
import { until } from '../lib/wait.mjs';
import { inWorld, withWorld } from '../lib/world.mjs';

const made = 'Resource was successfully allocated';
const skip = promtool ? false : 'promtool is not unpacked (scripts/promtool does it where the package can be had)';

async function scrape(api) {
  const reply = await api.get('/metrics');
  assert.equal(reply.status, 200);
  assert.equal(reply.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  return { text: reply.text, samples: samplesOf(reply.text) };
}

const http = (method, path, status) => `lode_http_requests_total{method="${method}",path="${path}",status="${status}"}`;
const took = (method, path) => `lode_http_request_duration_seconds_count{method="${method}",path="${path}"}`;

withWorld('requests are counted by endpoint and class of status, exactly', {}, async ({ api, loded }) => {
  const before = await scrape(api);
  for (let i = 0; i < 3; ++i) await api.get('/healthz');
  await api.request('HEAD', '/healthz');
  await api.get('/readyz/');
  failed(await api.post('/healthz'), 405);
  for (let i = 0; i < 4; ++i) failed(await api.get(`/no/such/path/${i}`), 404);
  failed(await api.post('/service/allocate_spec', { raw: '{' }), 422);
  failed(await api.post('/service/allocate_hotkey', { query: { hotkey: 'nobody' } }), 404);
  failed(await api.post('/service/allocate_spec', { body: { requirements: {}, docker_requirement: {} } }), 404);
  // Not HTTP at all: never reaches an endpoint.
  const { hostname, port } = new URL(loded.url);
  const socket = net.connect(Number(port), hostname);
  socket.end('nonsense\r\n\r\n');
  await once(socket.resume(), 'close');

  const after = await scrape(api);
  const names = /^lode_http_requests_total|^lode_http_request_duration_seconds_count|^lode_http_rejected|^lode_alloc.*_total/;
  assert.deepEqual(increments(before.samples, after.samples, { names }), {
    [http('GET', '/healthz', '2xx')]: 4,
    [took('GET', '/healthz')]: 4,
    [http('GET', '/readyz', '2xx')]: 1,
    [took('GET', '/readyz')]: 1,
    // The first scrape; the second is counted when it is answered.
    [http('GET', '/metrics', '2xx')]: 1,
    [took('GET', '/metrics')]: 1,
    [http('any', 'unmatched', '4xx')]: 5,
    [took('any', 'unmatched')]: 5,
    [http('POST', '/service/allocate_spec', '4xx')]: 2,
    [took('POST', '/service/allocate_spec')]: 2,
    [http('POST', '/service/allocate_hotkey', '4xx')]: 1,
    [took('POST', '/service/allocate_hotkey')]: 1,
    'lode_http_rejected_total{reason="malformed"}': 1,
    'lode_allocations_failed_total{by="spec",reason="no_candidate"}': 1,
    'lode_allocations_failed_total{by="hotkey",reason="unknown_hotkey"}': 1,
  });
  assert.equal(after.samples.get('lode_http_requests_in_flight'), 1, 'the scrape itself');
});

withWorld('overload is counted', { miners: 2, settings: { 'http.max-in-flight': 2 } }, async ({ api, axons }) => {
  const before = await scrape(api);
  const held = axons.map((axon) => axon.setHabit('check', { kind: 'hold' }, { times: 1 }));
  const asked = axons.map((axon) => api.allocateHotkey(axon.hotkey));
  await Promise.all(held.map((h) => h.arrived));
  for (let i = 0; i < 7; ++i) failed(await api.get('/healthz'), 503);
  for (const h of held) h.release();
  for (const reply of await Promise.all(asked)) await api.deallocate(succeeded(reply, made));
  const after = await scrape(api);
  assert.deepEqual(increments(before.samples, after.samples, { names: /^lode_http_rejected/ }), {
    'lode_http_rejected_total{reason="overload"}': 7,
  });
});

withWorld('the process describes itself', {}, async ({ api }) => {
  const { samples } = await scrape(api);
  const now = Date.now() / 1000;
  const started = samples.get('process_start_time_seconds');
  assert.ok(started > now - 60 && started < now + 2, `started at ${started}, it is ${now}`);
  assert.ok(samples.get('process_resident_memory_bytes') > 1e6);
  assert.ok(samples.get('process_virtual_memory_bytes') > samples.get('process_resident_memory_bytes'));
  assert.ok(samples.get('process_open_fds') > 5);
  assert.ok(samples.get('process_max_fds') >= samples.get('process_open_fds'));
  assert.ok(samples.get('process_threads') > 3);
  const cpu = samples.get('process_cpu_seconds_total');
  await until('CPU time grows', async () => (await scrape(api)).samples.get('process_cpu_seconds_total') > cpu);
  assert.match([...samples.keys()].join('\n'), /^lode_build_info\{version="\d+\.\d+\.\d+"\}$/m);
});

withWorld('promtool finds nothing, nor does a look for secrets', { miners: 1 }, async ({ api, axons }) => {
  const mine = succeeded(await api.allocateHotkey(axons[0].hotkey), made);
  const { text } = await scrape(api);
  for (const secret of [mine.uuid_key, mine.ssh_password, mine.hotkey]) assert.ok(!text.includes(secret));
  for (const [, name] of text.matchAll(/^# TYPE (\S+)/gm)) assert.match(text, new RegExp(`^# HELP ${name} [A-Z].+\\.$`, 'm'));
  if (skip) console.log(`SKIPPED: ${skip}`);
  else assert.equal(await promtoolAgrees(['check', 'metrics'], text), '');
  await api.deallocate(mine);
});

const call = (action, outcome) => `lode_miner_calls_total{action="${action}",outcome="${outcome}"}`;
const called = (action) => `lode_miner_call_duration_seconds_count{action="${action}"}`;
const event = (name) => `lode_allocation_events_total{event="${name}"}`;
const state = (name) => `lode_allocations{state="${name}"}`;
/** The gauges of what there is, without those that are 0. */
const standing = (samples) =>
  Object.fromEntries([...samples].filter(([name, value]) => value !== 0 && /^lode_(allocations\{|miners|allocations_(off|pen))/.test(name)));

withWorld('the life of allocations: calls, events, commits and how many are in which state', { miners: 3 },
  async ({ api, axons }) => {
    await until('the miners are offered and remembered', async () => {
      const { samples } = await scrape(api);
      return samples.get('lode_miners_offered') === 3 && samples.get('lode_ledger_commits_total{outcome="durable"}') === 1;
    });
    const before = await scrape(api);
    assert.deepEqual(standing(before.samples), { lode_miners: 3, lode_miners_reachable: 3, lode_miners_offered: 3 });

    const [a, b] = [
      succeeded(await api.allocateHotkey(axons[0].hotkey), made),
      succeeded(await api.allocateHotkey(axons[1].hotkey), made),
    ];
    await api.act('pause_docker', a);
    axons[2].setHabit('check', { kind: 'http', status: 500 }, { times: 10 });
    failed(await api.allocateSpec(), 404);
    const during = await scrape(api);
    assert.deepEqual(standing(during.samples), {
      lode_miners: 3,
      lode_miners_reachable: 3,
      lode_miners_busy: 2,
      lode_miners_offered: 1,
      [state('active')]: 1,
      [state('paused')]: 1,
    });
    const names = /^lode_(miner_calls_total|miner_call_duration_seconds_count|allocation_events|ledger_commits|ledger_group_commits_sum|allocations_.*_total)/;
    const specs = new Set([call('specs', 'miner_refused'), called('specs')]);
    const changed = increments(before.samples, during.samples, { names });
    for (const name of specs) delete changed[name];
    assert.deepEqual(changed, {
      [call('check', 'ok')]: 2,
      [call('check', 'miner_failed')]: 1,
      [called('check')]: 3,
      [call('register', 'ok')]: 2,
      [called('register')]: 2,
      [call('pause', 'ok')]: 1,
      [called('pause')]: 1,
      [event('reserved')]: 2,
      [event('allocated')]: 2,
      [event('pause_requested')]: 1,
      [event('paused')]: 1,
      'lode_ledger_commits_total{outcome="durable"}': 6,
      lode_ledger_group_commits_sum: 6,
      'lode_allocations_acknowledged_total{by="hotkey"}': 2,
      'lode_allocations_failed_total{by="spec",reason="no_candidate"}': 1,
    });

    await api.deallocate(a);
    await api.deallocate(b);
    await until('nothing is rented', async () => {
      const { samples } = await scrape(api);
      return samples.get('lode_miners_busy') === 0 && samples.get(event('gone')) === 2;
    });
    const end = await scrape(api);
    assert.deepEqual(standing(end.samples), { lode_miners: 3, lode_miners_reachable: 3, lode_miners_offered: 3 });
    assert.ok(end.samples.get('lode_ledger_write_duration_seconds_count') >= 10);
    assert.equal(end.samples.get('lode_store_write_failures_total'), 0);
    assert.equal(end.samples.get('lode_ledger_queue_commits'), 0);
    await until('the pool of keys is full again', async () => (await scrape(api)).samples.get('lode_forge_ready_keys') === 4);
  });

withWorld('health checks and a restart', { miners: 1, settings: { 'jobs.allocation-check-seconds': 1 } }, async (world) => {
  const mine = succeeded(await world.api.allocateHotkey(world.axons[0].hotkey), made);
  const looks = async () => (await scrape(world.api)).samples.get('lode_health_checks_total{ssh="open"}');
  await until('three looks', async () => (await looks()) >= 3);
  await world.kill();
  await world.restart();
  await until('the allocation is counted again', async () => (await scrape(world.api)).samples.get(state('active')) === 1);
  await world.api.deallocate(mine);
});

test('records that standard error does not take are counted as lost', () =>
  inWorld({ start: false }, async (world) => {
    await world.start();
    const lost = async () => (await scrape(world.api)).samples.get('lode_log_lost_total');
    assert.equal(await lost(), 0);
    const { samples } = await scrape(world.api);
    assert.ok(samples.get('lode_log_records_total{level="info"}') >= 2);
    world.loded.closeLog();
    await until('lost records are seen', async () => (await lost()) > 0);
  }));

withWorld('10,000 miners: a scrape takes milliseconds and holds nobody up',
  { file: false, settings: { 'miners.simulated': 10_000 } },
  async ({ api }) => {
    await until('all are offered', async () => (await scrape(api)).samples.get('lode_miners_offered') === 10_000);
    const took = [];
    for (let i = 0; i < 30; ++i) {
      const began = performance.now();
      await scrape(api);
      took.push(performance.now() - began);
    }
    took.sort((x, y) => x - y);
    assert.ok(took[15] < 50, `the median of 30 scrapes took ${took[15]} ms`);
    // As many samples as with one miner.
    assert.ok((await scrape(api)).samples.size < 3000);
  });

test('the example alerts', { skip }, async () => {
  const file = fileURLToPath(new URL('../../../packaging/prometheus-alerts.yml', import.meta.url));
  assert.match(await promtoolAgrees(['check', 'rules', file]), /SUCCESS: \d+ rules found/);
});
