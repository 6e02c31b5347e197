// The axon stand-in against the protocol: what it accepts, what it answers, what becomes of its container.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { describe, test } from 'node:test';
import { startAxon } from './axon.mjs';
import { Client, asks, device, nextNonce } from './axon_client.mjs';
import { nonsenses } from './habits.mjs';
import { emptyBodyHash, verifies, wallClockNs } from './synapse.mjs';

const spki = { type: 'spki', format: 'pem' };
const rsa = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = rsa.publicKey.export(spki);
const otherPem = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export(spki);
const oaep = { padding: crypto.constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
const decrypt = (info) => JSON.parse(crypto.privateDecrypt({ key: rsa.privateKey, ...oaep }, Buffer.from(info, 'base64')));

/** A test with an axon of its own and a client. */
const withAxon = (name, options, body) =>
  test(name, async () => {
    const axon = await startAxon(options);
    try {
      await body(axon, new Client());
    } finally {
      await axon.close();
    }
  });

describe('the signature and the nonce', () => {
  withAxon('a well-formed call is answered and recorded', {}, async (axon, client) => {
    const nonce = nextNonce();
    const answer = await client.call(axon, asks.check(), { nonce });
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.json.output, { status: true, port: 4444 });
    assert.equal(answer.json.docker_requirement.ssh_port, 4444, 'the port asked for is ignored');
    assert.equal(answer.headers.bt_header_axon_status_code, '200');
    assert.equal(answer.headers.bt_header_axon_hotkey, axon.hotkey);
    assert.equal(answer.headers.bt_header_dendrite_hotkey, client.hotkey);
    assert.equal(answer.headers.bt_header_axon_signature, undefined, 'a success is not signed');
    const [call] = axon.calls;
    assert.equal(axon.calls.length, 1);
    assert.deepEqual(
      [call.action, call.timeline, call.nonce, call.uuid, call.hotkey, call.verified, call.outcome],
      ['check', 30, nonce.toString(), client.uuid, client.hotkey, true, 200],
    );
    assert.equal(call.headers.computed_body_hash, emptyBodyHash);
  });

  const refusedAs = async (axon, client, pattern, options, synapse = asks.check()) => {
    const answer = await client.call(axon, synapse, options);
    assert.equal(answer.status, 401);
    assert.match(answer.json.message, pattern);
    assert.equal(axon.calls.at(-1).verified, false);
    return answer;
  };

  withAxon('a nonce must grow for each hotkey and uuid, and only for it', {}, async (axon, client) => {
    const nonce = nextNonce();
    await client.output(axon, asks.check(), { nonce });
    await refusedAs(axon, client, /^Not Verified with error: Nonce is too old, a newer one was last processed$/, { nonce });
    await refusedAs(axon, client, /newer one/, { nonce: nonce - 1n });
    await client.output(axon, asks.check(), { nonce: nonce + 1n });
    await client.output(axon, asks.check(), { nonce, uuid: crypto.randomUUID() });
    await new Client().output(axon, asks.check(), { nonce, uuid: client.uuid });
  });

  withAxon('a first nonce may be 4 s and the timeout old, or lie in the future', {}, async (axon, client) => {
    const ago = (seconds) => wallClockNs() - BigInt(seconds) * 1_000_000_000n;
    const fresh = () => ({ uuid: crypto.randomUUID(), timeout: '10.0' });
    const late = /Nonce is too old: acceptable delta is 14\.00 seconds but request was 1[56]\.\d\d seconds old/;
    await refusedAs(axon, client, late, { ...fresh(), nonce: ago(15) });
    await client.output(axon, asks.check(), { ...fresh(), nonce: ago(12) });
    await client.output(axon, asks.check(), { ...fresh(), nonce: ago(-3600) });
  });

  withAxon('the window is the first call’s alone, and only of new dendrites', {}, async (axon, client) => {
    const old = wallClockNs() - 3_600_000_000_000n;
    const before = { headers: { bt_header_dendrite_version: '7001999' } };
    await client.output(axon, asks.check(), { nonce: old, ...before });
    await client.output(axon, asks.check(), { nonce: old + 1n });
    await refusedAs(axon, client, /newer one/, { nonce: old, ...before });
    const none = { headers: { bt_header_dendrite_version: undefined } };
    await client.output(axon, asks.check(), { nonce: old, uuid: crypto.randomUUID(), ...none });
  });

  withAxon('a nonce is stored only after its signature verified', {}, async (axon, client) => {
    const nonce = nextNonce();
    const forged = { bt_header_dendrite_signature: '0x' + '00'.repeat(63) + '80' };
    await refusedAs(axon, client, /^Not Verified with error: Signature mismatch with \d+\.5/, { nonce: nonce + 10n, headers: forged });
    await client.output(axon, asks.check(), { nonce });
  });

  withAxon('what was signed must be what was sent', {}, async (axon, client) => {
    const stranger = new Client();
    for (const headers of [
      { bt_header_dendrite_uuid: crypto.randomUUID() },
      { bt_header_dendrite_hotkey: stranger.hotkey },
      { bt_header_dendrite_nonce: nextNonce().toString() },
      { computed_body_hash: 'ab'.repeat(32) },
      { computed_body_hash: undefined },
      { bt_header_dendrite_signature: '' },
      { bt_header_dendrite_signature: undefined },
      { bt_header_dendrite_signature: '0x1234' },
    ])
      await refusedAs(axon, client, /Signature mismatch/, { headers });
    await refusedAs(axon, client, /Missing Nonce/, { headers: { bt_header_dendrite_nonce: undefined } });
    await refusedAs(axon, client, /Invalid SS58/, { headers: { bt_header_dendrite_hotkey: 'nobody' } });
    assert.equal(axon.container(), null);
  });

  withAxon('a call for another axon is refused, whatever its headers say', {}, async (axon, client) => {
    const headers = client.headers({ hotkey: client.hotkey, port: axon.port });
    await refusedAs(axon, client, /Signature mismatch/, {
      nonce: BigInt(headers.bt_header_dendrite_nonce),
      headers: { bt_header_dendrite_signature: headers.bt_header_dendrite_signature },
    });
  });

  withAxon('an error answer is signed by the axon', {}, async (axon, client) => {
    const { headers } = await refusedAs(axon, client, /Missing Nonce/, { headers: { bt_header_dendrite_nonce: undefined } });
    const text = `${headers.bt_header_axon_nonce}.${client.hotkey}.${axon.hotkey}.${headers.bt_header_axon_uuid}`;
    assert.ok(verifies(axon.hotkey, text, headers.bt_header_axon_signature));
  });
});

describe('the other answers of an axon', () => {
  withAxon('404 for a name that it does not serve, which is case sensitive', {}, async (axon, client) => {
    for (const path of ['/allocate', '/Specs', '/']) {
      const answer = await client.call(axon, asks.check(), { path });
      assert.equal(answer.status, 404);
      assert.match(answer.json.message, /^Synapse name '.*' not found\. Available synapses \[/);
    }
  });

  withAxon('405 for another method', {}, async (axon, client) => {
    assert.equal((await client.call(axon, asks.check(), { method: 'PUT' })).status, 405);
  });

  withAxon('500 for a header that is no number', {}, async (axon, client) => {
    for (const name of ['bt_header_dendrite_nonce', 'bt_header_dendrite_version', 'header_size', 'total_size', 'timeout']) {
      const answer = await client.call(axon, asks.check(), { headers: { [name]: 'many' } });
      assert.equal(answer.status, 500, name);
      assert.match(answer.json.message, /^Internal Server Error #[0-9a-f-]{36}$/);
    }
  });

  test('403 for a blacklisted hotkey, before the signature is looked at', async () => {
    const client = new Client();
    const axon = await startAxon({ blacklist: new Map([[client.hotkey, 'Not enough stake!']]) });
    const answer = await client.call(axon, asks.check(), { headers: { bt_header_dendrite_signature: '0x' } });
    assert.equal(answer.status, 403);
    assert.deepEqual(answer.json, { message: 'Forbidden. Key is blacklisted: Not enough stake!.' });
    assert.equal((await new Client().call(axon, asks.check())).status, 200);
    await axon.close();
  });

  withAxon('a caller outside the metagraph makes the miner raise', { metagraph: [] }, async (axon, client) => {
    assert.deepEqual(await client.call(axon, asks.check()), { closed: true });
    assert.equal(axon.calls[0].verified, true);
  });

  withAxon('a wrong body hash, properly signed, makes the miner raise', {}, async (axon, client) => {
    assert.deepEqual(await client.call(axon, asks.check(), { bodyHash: 'ab'.repeat(32) }), { closed: true });
  });

  withAxon('422 for a body that is no Allocate', {}, async (axon, client) => {
    const bodies = ['', 'x', '[]', 'null', '"x"', '{"timeline":"soon"}', '{"timeline":1.5}', '{"checking":"maybe"}', '{"output":[]}',
      '{"output":null}', '{"device_requirement":[]}', '{"docker_requirement":"x"}', '{"docker_action":null}', '{"public_key":7}',
      '{"dendrite":{"nonce":"x"}}', '{"dendrite":[]}', '{"axon":{"port":"x"}}', '{"docker_change":2}', '{"timeout":"x"}'];
    for (const text of bodies) {
      const answer = await client.call(axon, null, { text });
      assert.equal(answer.status, 422, text);
      assert.ok(Array.isArray(answer.json.detail) && answer.json.detail.length > 0, text);
    }
    assert.equal((await client.call(axon, asks.check(), { headers: { 'content-type': 'text/plain' } })).status, 422);
  });

  withAxon('unknown keys and missing ones are fine, loose types too', {}, async (axon, client) => {
    assert.deepEqual(await client.output(axon, null, { text: '{"checking":1,"timeline":"3","required_hash_fields":[]}' }), { status: true, port: 4444 });
    assert.deepEqual(await client.output(axon, null, { text: '{}' }), { status: false, port: 4444 }, 'the defaults ask who holds it');
    assert.equal(axon.calls.at(-1).action, 'holds');
  });

  withAxon('a status code in the body’s axon part becomes the answer’s', {}, async (axon, client) => {
    const answer = await client.call(axon, { ...asks.check(), axon: { status_code: 503 } });
    assert.equal(answer.status, 503);
  });
});

describe('the miner behind it', () => {
  withAxon('check: free, occupied, free again when paused', {}, async (axon, client) => {
    const check = async () => (await client.output(axon, asks.check())).status;
    assert.equal(await check(), true);
    await client.output(axon, asks.register(pem));
    assert.equal(await check(), false);
    await client.output(axon, asks.change('pause'));
    assert.equal(await check(), true, 'a paused container is not running');
    await client.output(axon, asks.change('unpause'));
    assert.equal(await check(), false);
    axon.miner.stop();
    assert.equal(await check(), true);
  });

  withAxon('holds: only the stored key, trimmed, and only while it runs', {}, async (axon, client) => {
    const holds = async (key) => (await client.output(axon, asks.holds(key))).status;
    assert.equal(await holds(pem), false);
    await client.output(axon, asks.register(pem));
    assert.equal(await holds(pem), true);
    assert.equal(await holds(`  ${pem}\n`), true);
    assert.equal(await holds(otherPem), false);
    await client.output(axon, asks.change('pause'));
    assert.equal(await holds(pem), false);
  });

  withAxon('register: the access comes encrypted to the key that was sent', { sshPort: 4567 }, async (axon, client) => {
    const output = await client.output(axon, asks.register(pem));
    assert.deepEqual(Object.keys(output).sort(), ['info', 'port', 'status']);
    assert.equal(output.port, 4567);
    const access = decrypt(output.info);
    const container = axon.container();
    assert.deepEqual(access, { username: 'root', password: container.password, port: 4567, version: 183 });
    assert.equal(access.password.length, 10);
    assert.equal(container.state, 'running');
    assert.deepEqual(container.authorizedKeys, ['ssh-ed25519 AAAA renter', '']);
    assert.equal(axon.miner.allocated, client.hotkey);
  });

  withAxon('register destroys what another key holds', {}, async (axon, client) => {
    await client.output(axon, asks.register(pem));
    const { id } = axon.container();
    assert.equal((await new Client().output(axon, asks.register(otherPem))).status, true);
    assert.notEqual(axon.container().id, id);
    assert.equal((await client.output(axon, asks.holds(pem))).status, false);
    assert.equal((await client.output(axon, asks.deregister(pem))).status, false);
  });

  withAxon('register without a needed part is refused after the old container is gone', {}, async (axon, client) => {
    const incomplete = [
      {}, { ...device, cpu: {} }, { ...device, cpu: { count: 0 } }, { ...device, ram: {} }, { ...device, hard_disk: undefined },
      { ...device, gpu: undefined }, { ...device, gpu: { count: 1 } },
    ];
    for (const requirement of incomplete) {
      await client.output(axon, asks.register(pem));
      const output = await client.output(axon, asks.register(pem, { device_requirement: requirement }));
      assert.deepEqual(output, { status: false, port: 4444 }, JSON.stringify(requirement));
      assert.equal(axon.container(), null);
    }
    const withGpu = { ...device, gpu: { count: 1, capacity: 24000.5, type: 'rtx' } };
    assert.equal((await client.output(axon, asks.register(pem, { device_requirement: withGpu }))).status, true);
  });

  withAxon('register: a quote in the SSH key breaks the build', {}, async (axon, client) => {
    for (const key of ["ssh-ed25519 AAAA it's", 'ssh-ed25519 AAAA\nssh-rsa BBBB'])
      assert.equal((await client.output(axon, asks.register(pem, { docker_requirement: { ssh_key: key } }))).status, false);
    assert.equal(axon.container(), null);
  });

  withAxon('register while another is in progress is refused and kills nothing', {}, async (axon, client) => {
    await client.output(axon, asks.register(pem));
    axon.miner.registering = true;
    assert.deepEqual(await client.output(axon, asks.register(otherPem)), { status: false, port: 4444 });
    assert.equal((await client.output(axon, asks.holds(pem))).status, true);
  });

  withAxon('register without `at` says no, yet the container runs under the key', { at: false }, async (axon, client) => {
    assert.deepEqual(await client.output(axon, asks.register(pem)), { status: false, port: 4444 });
    assert.equal((await client.output(axon, asks.holds(pem))).status, true);
    assert.equal((await client.output(axon, asks.deregister(pem))).status, true);
  });

  withAxon('register with a key that is not RSA makes the miner raise', {}, async (axon, client) => {
    const x25519 = crypto.generateKeyPairSync('x25519').publicKey.export(spki);
    for (const key of [x25519, 'no key', ''])
      assert.deepEqual(await client.call(axon, asks.register(key)), { closed: true });
    assert.equal((await client.output(axon, asks.holds(x25519))).status, false);
  });

  withAxon('a test container has its own name', {}, async (axon, client) => {
    await client.output(axon, asks.register(pem, { device_requirement: { ...device, testing: true } }));
    assert.equal(axon.container().name, 'ssh-test-container');
    assert.equal((await client.output(axon, asks.check())).status, false);
    assert.equal((await client.output(axon, asks.change('restart'))).status, false);
    assert.equal((await client.output(axon, asks.deregister(pem))).status, true);
  });

  withAxon('deregister: only the stored key; an absent container counts as success', {}, async (axon, client) => {
    const deregister = async (key) => (await client.output(axon, asks.deregister(key))).status;
    assert.equal(await deregister(pem), false, 'nothing was ever stored');
    assert.equal(await deregister(''), false);
    await client.output(axon, asks.register(pem));
    assert.equal(await deregister(otherPem), false);
    assert.notEqual(axon.container(), null);
    axon.miner.remove();
    assert.equal(await deregister(pem), true);
    assert.equal(axon.miner.allocated, null);
    assert.equal(await deregister(pem), false, 'the stored key is emptied');
    assert.equal((await client.output(axon, asks.holds(pem))).status, false);
  });

  withAxon('restart: true for any state, but only a running one restarts', {}, async (axon, client) => {
    const restart = async () => (await client.output(axon, asks.change('restart'))).status;
    assert.equal(await restart(), false);
    await client.output(axon, asks.register(pem));
    assert.equal(await restart(), true);
    assert.equal(axon.container().restarts, 1);
    await client.output(axon, asks.change('pause'));
    assert.equal(await restart(), true);
    assert.deepEqual([axon.container().restarts, axon.container().state], [1, 'paused']);
  });

  withAxon('pause and unpause: no when there is nothing to do', {}, async (axon, client) => {
    const change = async (action) => (await client.output(axon, asks.change(action))).status;
    assert.deepEqual([await change('pause'), await change('unpause')], [false, false]);
    await client.output(axon, asks.register(pem));
    assert.deepEqual([await change('unpause'), await change('pause'), await change('pause')], [false, true, false]);
    assert.equal(axon.container().state, 'paused');
    assert.deepEqual([await change('resume'), await change('resume')], [true, false]);
    assert.equal(axon.container().state, 'running');
  });

  withAxon('exchange_key: the user’s is line 1, the terminal’s line 2', {}, async (axon, client) => {
    const exchange = async (key, type) =>
      (await client.output(axon, asks.change('exchange_key', { ssh_key: key, key_type: type }))).status;
    assert.equal(await exchange('k', 'user'), false);
    await client.output(axon, asks.register(pem));
    assert.equal(await exchange('ssh-ed25519 BBBB', 'user'), true);
    assert.equal(await exchange('ssh-ed25519 CCCC', 'terminal'), true);
    assert.equal(await exchange('ssh-ed25519 DDDD', 'root'), false);
    assert.deepEqual(axon.container().authorizedKeys, ['ssh-ed25519 BBBB', 'ssh-ed25519 CCCC']);
    assert.equal(axon.container().restarts, 2);
    await client.output(axon, asks.change('pause'));
    assert.equal(await exchange('ssh-ed25519 EEEE', 'nonsense'), true, 'not looked at unless it runs');
    assert.equal(axon.container().authorizedKeys[0], 'ssh-ed25519 BBBB');
  });

  withAxon('docker actions ask for no key; a timeline of 0 clears the mark', {}, async (axon, client) => {
    await client.output(axon, asks.register(pem));
    const stranger = new Client();
    assert.equal((await stranger.output(axon, { ...asks.change('restart'), public_key: otherPem })).status, true);
    assert.equal(axon.miner.allocated, stranger.hotkey);
    await client.output(axon, { ...asks.change('restart'), timeline: 0 });
    assert.equal(axon.miner.allocated, null);
  });

  withAxon('an unknown action is answered without a status', {}, async (axon, client) => {
    assert.deepEqual(await client.output(axon, asks.change('explode')), { port: 4444 });
    assert.equal(axon.calls.at(-1).action, 'other');
  });
});

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
    const expected = { 400: /Improperly formatted/, 401: /^Not Verified with error: Signature mismatch with \d+\.5/, 403: /blacklisted/,
      404: /not found/, 408: /Timeout/, 500: /^Internal Server Error #/ };
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
    const check = new Client().output(axon, asks.check()).then((output) => order.push(output.status ? 'free' : 'occupied'));
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
      'info-other-key': (a) => a.json.output.info.length === 344 && assert.throws(() => decrypt(a.json.output.info)) === undefined,
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

describe('the SSH port', () => {
  /** What a prober sees: the first bytes, 'silent' when `until` comes first, or 'closed'. */
  const probe = (port, until) =>
    new Promise((resolve) => {
      const socket = net.connect(port, '127.0.0.1');
      const end = (what) => {
        socket.destroy();
        resolve(what);
      };
      socket.on('data', (data) => end(data.toString()));
      socket.on('error', () => end('closed'));
      socket.on('close', () => end('closed'));
      until?.(socket).then(() => end('silent'));
    });

  withAxon('shows a banner exactly while the container runs', { ssh: true, sshPort: 0 }, async (axon, client) => {
    const banner = 'SSH-2.0-standin\r\n';
    assert.equal(await probe(axon.sshPort), 'closed');
    const output = await client.output(axon, asks.register(pem));
    assert.equal(output.port, axon.sshPort);
    assert.equal(await probe(axon.sshPort), banner);
    await client.output(axon, asks.change('pause'));
    // Silent: connected, and still nothing after a whole call to the axon went there and back.
    const roundTrip = (socket) => once(socket, 'connect').then(() => client.output(axon, asks.check()));
    assert.equal(await probe(axon.sshPort, roundTrip), 'silent');
    await client.output(axon, asks.change('unpause'));
    assert.equal(await probe(axon.sshPort), banner);
    await client.output(axon, asks.deregister(pem));
    assert.equal(await probe(axon.sshPort), 'closed');
  });
});

