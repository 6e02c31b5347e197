// GET /metrics: exact counts of what was done, a format that promtool has nothing to say about, no secret, no delay.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { increments, promtool, promtoolAgrees, samplesOf } from '../lib/metrics.mjs';
import { failed, succeeded } from '../lib/replies.mjs';
import { until } from '../lib/wait.mjs';
import { withWorld } from '../lib/world.mjs';

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
