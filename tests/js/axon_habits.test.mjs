// The stand-in's bad habits: each does what it says, for the calls that it was set for.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startAxon } from './axon.mjs';
import { Client, asks } from './axon_client.mjs';
import { decrypt, pem, withAxon } from './axon_testing.mjs';
import { nonsenses } from './habits.mjs';

describe('habits', () => {
  withAxon('refuse, once, and then as it should', {}, async (axon, client) => {
    axon.setHabit('register', { kind: 'refuse' }, { times: 1 });
    assert.deepEqual(await client.output(axon, asks.register(pem)), { status: false, port: 4444 });
    assert.equal(axon.container(), null);
    assert.equal((await client.output(axon, asks.register(pem))).status, true);
  });

  withAxon('counted habits go in order, before a lasting one; others do not notice', {}, async (axon, client) => {
    axon.setHabit('check', { kind: 'close' });
    axon.setHabit('check', { kind: 'refuse' }, { times: 2 });
    axon.setHabit('*', { kind: 'http', status: 500 }, { times: 1 });
    assert.equal((await client.output(axon, asks.check())).status, false);
    assert.equal((await client.output(axon, asks.check())).status, false);
    assert.equal((await client.call(axon, asks.check())).status, 500);
    assert.deepEqual(await client.call(axon, asks.check()), { closed: true });
    assert.deepEqual(await client.call(axon, asks.check()), { closed: true });
    assert.equal((await client.output(axon, asks.register(pem))).status, true);
    axon.setHabit('check', null);
    assert.equal((await client.output(axon, asks.check())).status, false, 'occupied');
  });

  withAxon('a habit that does not exist is an error', {}, (axon) => {
    assert.throws(() => axon.setHabit('check', { kind: 'sulk' }), /no habit/);
    assert.throws(() => axon.setHabit('check', { kind: 'nonsense', what: 'sulk' }), /no nonsense/);
  });

  withAxon('http errors carry the real messages', {}, async (axon, client) => {
    const expected = {
      400: /Improperly formatted/,
      401: /^Not Verified with error: Signature mismatch with \d+\.5/,
      403: /blacklisted/,
      404: /not found/,
      408: /Timeout/,
      500: /^Internal Server Error #/,
    };
    for (const [status, pattern] of Object.entries(expected)) {
      axon.setHabit('register', { kind: 'http', status: Number(status) }, { times: 1 });
      const answer = await client.call(axon, asks.register(pem));
      assert.equal(answer.status, Number(status));
      assert.match(answer.json.message, pattern);
    }
    assert.equal(axon.container(), null);
  });

  withAxon('silence: no answer while the caller waits, with or without an effect', {}, async (axon, client) => {
    for (const act of [false, true]) {
      const silent = axon.setHabit('register', { kind: 'silence', act }, { times: 1 });
      const leave = new AbortController();
      const waiting = client.call(axon, asks.register(pem), { signal: leave.signal });
      await silent.arrived;
      assert.equal((await client.output(axon, asks.check())).status, !act, 'others are served');
      leave.abort();
      await assert.rejects(waiting, { name: 'AbortError' });
      assert.equal(axon.container() !== null, act);
    }
  });

  withAxon('drop: it acts, then closes without a byte', {}, async (axon, client) => {
    axon.setHabit('register', { kind: 'drop' }, { times: 1 });
    assert.deepEqual(await client.call(axon, asks.register(pem)), { closed: true });
    assert.equal((await client.output(axon, asks.holds(pem))).status, true);
  });

  withAxon('late: the container appears after the caller has gone', {}, async (axon, client) => {
    const late = axon.setHabit('register', { kind: 'late' }, { times: 1 });
    const leave = new AbortController();
    const waiting = client.call(axon, asks.register(pem), { signal: leave.signal });
    await late.arrived;
    assert.equal(axon.container(), null);
    leave.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    await axon.containerIs((container) => container?.state === 'running');
    assert.equal((await client.output(axon, asks.deregister(pem))).status, true);
  });

  withAxon('hold: a register in progress makes every other call wait', {}, async (axon, client) => {
    const held = axon.setHabit('register', { kind: 'hold' }, { times: 1 });
    const order = [];
    const register = client.output(axon, asks.register(pem)).then(() => order.push('register'));
    assert.equal((await held.arrived).public_key, pem);
    const check = new Client()
      .output(axon, asks.check())
      .then((output) => order.push(output.status ? 'free' : 'occupied'));
    await axon.called((call) => call.action === 'check');
    assert.equal(axon.calls.at(-1).outcome, null);
    assert.equal(axon.container(), null);
    held.release();
    await Promise.all([register, check]);
    assert.deepEqual(order, ['register', 'occupied']);
  });

  withAxon('hold: acted before it answers, others served, when told so', {}, async (axon, client) => {
    const held = axon.setHabit('register', { kind: 'hold', acted: true, blocks: false }, { times: 1 });
    const register = client.output(axon, asks.register(pem));
    await held.arrived;
    assert.equal((await new Client().output(axon, asks.check())).status, false);
    held.release();
    assert.equal((await register).status, true);
  });

  withAxon('slow: it answers in the end', {}, async (axon, client) => {
    axon.setHabit('check', { kind: 'slow', ms: 60 }, { times: 1 });
    const before = process.hrtime.bigint();
    assert.equal((await client.output(axon, asks.check())).status, true);
    assert.ok(process.hrtime.bigint() - before >= 55_000_000n);
  });

  test('close ends what is held', async () => {
    const axon = await startAxon();
    const held = axon.setHabit('check', { kind: 'hold' });
    const waiting = new Client().call(axon, asks.check());
    await held.arrived;
    await axon.close();
    assert.deepEqual(await waiting, { closed: true });
  });

  withAxon('every nonsense is what it says', {}, async (axon, client) => {
    const seen = {
      'not-json': (a) => a.status === 200 && a.json === undefined && a.text.length > 0,
      'empty-body': (a) => a.status === 200 && a.text === '',
      'json-list': (a) => Array.isArray(a.json),
      'json-null': (a) => a.json === null,
      'output-not-object': (a) => Array.isArray(a.json.output),
      'output-missing': (a) => a.json.name === 'Allocate' && !('output' in a.json),
      'status-missing': (a) => !('status' in a.json.output) && a.json.output.port === 4444,
      'status-not-boolean': (a) => a.json.output.status === 'true',
      'info-missing': (a) => a.json.output.status === true && !('info' in a.json.output),
      'info-not-base64': (a) => a.json.output.info === '%%%',
      'info-not-string': (a) => typeof a.json.output.info === 'object',
      'info-other-key': (a) =>
        a.json.output.info.length === 344 && assert.throws(() => decrypt(a.json.output.info)) === undefined,
      'info-not-access': (a) => Array.isArray(decrypt(a.json.output.info)),
      'truncated-json': (a) => a.status === 200 && a.json === undefined && a.text.startsWith('{'),
      'cut-body': (a) => a.cut === true,
      'content-type': (a) => a.headers['content-type'] === 'text/html' && a.json.output.status === true,
      'huge-body': (a) => a.text.length === 64 * 1024 * 1024,
      'deep-json': (a) => a.text === '['.repeat(100_000),
    };
    assert.deepEqual(Object.keys(seen), Object.keys(nonsenses));
    for (const [what, isIt] of Object.entries(seen)) {
      axon.setHabit('register', { kind: 'nonsense', what }, { times: 1 });
      assert.ok(isIt(await client.call(axon, asks.register(pem))), what);
      assert.equal((await client.output(axon, asks.deregister(pem))).status, true, `${what}: it had acted`);
    }
    axon.setHabit('register', { kind: 'nonsense', what: 'not-json', act: false }, { times: 1 });
    await client.call(axon, asks.register(pem));
    assert.equal(axon.container(), null);
  });
});
