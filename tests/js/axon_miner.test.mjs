// The miner behind the stand-in's axon: what each call answers and what becomes of the container and its SSH port.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { describe } from 'node:test';
import { Client, asks, device } from './axon_client.mjs';
import { decrypt, otherPem, pem, spki, withAxon } from './axon_testing.mjs';

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
      {},
      { ...device, cpu: {} },
      { ...device, cpu: { count: 0 } },
      { ...device, ram: {} },
      { ...device, hard_disk: undefined },
      { ...device, gpu: undefined },
      { ...device, gpu: { count: 1 } },
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
      assert.equal(
        (await client.output(axon, asks.register(pem, { docker_requirement: { ssh_key: key } }))).status,
        false,
      );
    assert.equal(axon.container(), null);
  });

  withAxon('register while another is in progress is refused and kills nothing', {}, async (axon, client) => {
    await client.output(axon, asks.register(pem));
    axon.miner.registering = true;
    assert.deepEqual(await client.output(axon, asks.register(otherPem)), { status: false, port: 4444 });
    assert.equal((await client.output(axon, asks.holds(pem))).status, true);
  });

  withAxon(
    'register without `at` says no, yet the container runs under the key',
    { at: false },
    async (axon, client) => {
      assert.deepEqual(await client.output(axon, asks.register(pem)), { status: false, port: 4444 });
      assert.equal((await client.output(axon, asks.holds(pem))).status, true);
      assert.equal((await client.output(axon, asks.deregister(pem))).status, true);
    },
  );

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
