// The axon stand-in against the protocol: which calls it accepts, and what it answers the others.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { describe, test } from 'node:test';
import { startAxon } from './axon.mjs';
import { Client, asks, nextNonce } from './axon_client.mjs';
import { withAxon } from './axon_testing.mjs';
import { emptyBodyHash, verifies, wallClockNs } from './synapse.mjs';

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
    await refusedAs(axon, client, /^Not Verified with error: Nonce is too old, a newer one was last processed$/, {
      nonce,
    });
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
    await refusedAs(axon, client, /^Not Verified with error: Signature mismatch with \d+\.5/, {
      nonce: nonce + 10n,
      headers: forged,
    });
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
    const { headers } = await refusedAs(axon, client, /Missing Nonce/, {
      headers: { bt_header_dendrite_nonce: undefined },
    });
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
    for (const name of [
      'bt_header_dendrite_nonce',
      'bt_header_dendrite_version',
      'header_size',
      'total_size',
      'timeout',
    ]) {
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
    const bodies = [
      '',
      'x',
      '[]',
      'null',
      '"x"',
      '{"timeline":"soon"}',
      '{"timeline":1.5}',
      '{"checking":"maybe"}',
      '{"output":[]}',
      '{"output":null}',
      '{"device_requirement":[]}',
      '{"docker_requirement":"x"}',
      '{"docker_action":null}',
      '{"public_key":7}',
      '{"dendrite":{"nonce":"x"}}',
      '{"dendrite":[]}',
      '{"axon":{"port":"x"}}',
      '{"docker_change":2}',
      '{"timeout":"x"}',
    ];
    for (const text of bodies) {
      const answer = await client.call(axon, null, { text });
      assert.equal(answer.status, 422, text);
      assert.ok(Array.isArray(answer.json.detail) && answer.json.detail.length > 0, text);
    }
    assert.equal((await client.call(axon, asks.check(), { headers: { 'content-type': 'text/plain' } })).status, 422);
  });

  withAxon('unknown keys and missing ones are fine, loose types too', {}, async (axon, client) => {
    assert.deepEqual(
      await client.output(axon, null, { text: '{"checking":1,"timeline":"3","required_hash_fields":[]}' }),
      { status: true, port: 4444 },
    );
    assert.deepEqual(
      await client.output(axon, null, { text: '{}' }),
      { status: false, port: 4444 },
      'the defaults ask who holds it',
    );
    assert.equal(axon.calls.at(-1).action, 'holds');
  });

  withAxon('a status code in the body’s axon part becomes the answer’s', {}, async (axon, client) => {
    const answer = await client.call(axon, { ...asks.check(), axon: { status_code: 503 } });
    assert.equal(answer.status, 503);
  });
});
