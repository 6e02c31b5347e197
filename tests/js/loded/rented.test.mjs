// What a renter does with its container: deallocate, restart, pause, unpause, exchange of the key.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { badSshKeys, invalid, refused, sshKey, succeeded } from '../lib/replies.mjs';
import { withSteps } from '../lib/world.mjs';

const made = 'Resource was successfully allocated';
const noDetails = 'No allocation details found for the provided hotkey.';
const words = {
  restart_docker: ['Resource restarted successfully.', 'Restart', 'restart'],
  pause_docker: ['Resource paused successfully.', 'Pause', 'pause'],
  unpause_docker: ['Resource unpaused successfully.', 'Unpause', 'unpause'],
  exchange_docker_key: ['Resource ssh_key is exchanged successfully.', 'Exchange ssh_key', 'exchange ssh_key'],
};
const all = [...Object.keys(words), 'deallocate'];
const extraOf = (name) => (name === 'exchange_docker_key' ? { ssh_key: sshKey() } : {});

withSteps('a rented container', { miners: 2 }, (step) => {
  let mine;
  let axon;
  const isStill = async (api, state) => {
    const [listed] = await api.allocations();
    assert.deepEqual(listed, { ...mine, state, ssh_key: listed.ssh_key });
  };

  step('is listed as it was given', async ({ api, axons }) => {
    mine = succeeded(await api.allocateHotkey(axons[0].hotkey), made);
    [axon] = axons;
    await isStill(api, 'active');
  });

  step('without an allocation: 404, for known and unknown hotkeys', async ({ api, axons }) => {
    for (const name of all)
      for (const hotkey of [axons[1].hotkey, 'nobody', ''])
        refused(await api.act(name, { hotkey, uuid_key: mine.uuid_key }, extraOf(name)), 404, noDetails);
  });

  step('a wrong UUID: 400, and the miner hears nothing', async ({ api }) => {
    const before = axon.calls.length;
    const wrong = [crypto.randomUUID(), '', mine.uuid_key.toUpperCase(), `${mine.uuid_key} `, mine.uuid_key.slice(0, -1)];
    for (const uuid_key of wrong) {
      const other = { hotkey: mine.hotkey, uuid_key };
      for (const [name, [, subject]] of Object.entries(words))
        refused(
          await api.act(name, other, extraOf(name)),
          400,
          `${subject} not successfully, please try again.`,
          'Invalid UUID key',
        );
      refused(await api.deallocate(other), 400, 'Deallocation not successfully, please try again.', 'Invalid UUID key');
    }
    assert.equal(axon.calls.length, before);
    await isStill(api, 'active');
  });

  step('missing and mistyped parameters, all at once', async ({ api }) => {
    const both = { hotkey: 'Field required', uuid_key: 'Field required' };
    const text = 'Input should be a valid string';
    for (const name of all) {
      const path = `/service/${name}`;
      const exchange = name === 'exchange_docker_key';
      invalid(await api.post(path), exchange ? { ...both, ssh_key: 'Field required' } : both);
      invalid(await api.post(path, { body: { hotkey: 1, uuid_key: true, ssh_key: null } }), {
        hotkey: text,
        uuid_key: text,
        ...(exchange ? { ssh_key: text } : {}),
      });
    }
    invalid(await api.post('/service/deallocate', { query: { notify_flag: 'perhaps' } }), {
      ...both,
      notify_flag: 'Input should be a valid boolean, unable to interpret input',
    });
  });

  step('restart', async ({ api }) => {
    const calls = axon.calls.length;
    succeeded(await api.act('restart_docker', mine), words.restart_docker[0]);
    assert.equal(axon.container().restarts, 1);
    const [call] = axon.calls.slice(calls);
    assert.equal(call.body.docker_change, true);
    assert.equal(call.timeline, 1, 'or the miner no longer counts itself as rented');
    assert.equal(axon.miner.allocated, call.hotkey);
    await isStill(api, 'active');
  });

  step('pause and unpause, each only where it applies; parameters from the body', async ({ api }) => {
    const body = { hotkey: mine.hotkey, uuid_key: mine.uuid_key };
    refused(await api.act('unpause_docker', mine), 403, 'An error occurred during unpause operation.',
      'the container is not paused');
    succeeded(await api.post('/service/pause_docker', { body }), words.pause_docker[0]);
    assert.equal(axon.container().state, 'paused');
    await isStill(api, 'paused');
    for (const name of ['pause_docker', 'restart_docker', 'exchange_docker_key'])
      refused(await api.act(name, mine, extraOf(name)), 403, `An error occurred during ${words[name][2]} operation.`,
        'the container is paused');
    assert.equal(axon.container().state, 'paused');
    succeeded(await api.post('/service/unpause_docker/', { body }), words.unpause_docker[0]);
    assert.equal(axon.container().state, 'running');
    await isStill(api, 'active');
  });

  step('a paused container is not offered to anybody', async ({ api, axons }) => {
    succeeded(await api.act('pause_docker', mine), words.pause_docker[0]);
    const other = succeeded(await api.allocateSpec(), made);
    assert.equal(other.hotkey, axons[1].hotkey);
    const none = ['Fail to allocate resource', 'Requested resource is not available.'];
    refused(await api.allocateSpec(), 404, ...none);
    refused(await api.allocateHotkey(mine.hotkey), 404, ...none);
    assert.equal(axon.container().password, mine.ssh_password);
    await api.deallocate(other);
    succeeded(await api.act('unpause_docker', mine), words.unpause_docker[0]);
  });

  step('exchange of the key: the user by default, the terminal when asked', async ({ api }) => {
    const [user, terminal] = [sshKey('user'), sshKey('terminal')];
    succeeded(await api.act('exchange_docker_key', mine, { ssh_key: user }), words.exchange_docker_key[0]);
    assert.deepEqual(axon.container().authorizedKeys, [user, '']);
    assert.equal((await api.allocations())[0].ssh_key, user, 'the allocation lists the new key');
    const body = { hotkey: mine.hotkey, uuid_key: mine.uuid_key, ssh_key: terminal, key_type: 'terminal' };
    succeeded(await api.post('/service/exchange_docker_key', { body }), words.exchange_docker_key[0]);
    assert.deepEqual(axon.container().authorizedKeys, [user, terminal]);
    const query = { ssh_key: sshKey(), key_type: 'root' };
    const reply = await api.act('exchange_docker_key', mine, query);
    assert.equal(reply.status, 422);
    assert.deepEqual(reply.json.err_detail.map((e) => e.field), ['key_type']);
    assert.deepEqual(axon.container().authorizedKeys, [user, terminal]);
  });

  step('a key that is not one public key line is 422', async ({ api }) => {
    const before = axon.calls.length;
    for (const [what, key] of Object.entries({ ...badSshKeys(), empty: '' })) {
      const reply = await api.act('exchange_docker_key', mine, { ssh_key: key });
      assert.equal(reply.status, 422, `${what}: ${reply.text}`);
      assert.deepEqual(reply.json.err_detail.map((e) => e.field), ['ssh_key'], what);
    }
    assert.equal(axon.calls.length, before);
  });

  step('a miner that refuses: 403 with its reason', async ({ api }) => {
    for (const [name, [, , what]] of Object.entries(words)) {
      if (name === 'unpause_docker') continue;
      axon.setHabit(what === 'exchange ssh_key' ? 'exchange_key' : what, { kind: 'refuse' }, { times: 1 });
      refused(await api.act(name, mine, extraOf(name)), 403, `An error occurred during ${what} operation.`,
        'the miner refused');
    }
    axon.setHabit('restart', { kind: 'http', status: 403 }, { times: 1 });
    const reply = await api.act('restart_docker', mine);
    assert.equal(reply.status, 403);
    assert.match(reply.json.err_detail, /blacklisted/, "the axon's own words");
    await isStill(api, 'active');
  });

  step('a miner that says nothing, or nothing sensible: 403, and the container is as before', async ({ api }) => {
    const habits = [
      [{ kind: 'silence' }, 'No response from miner'],
      [{ kind: 'silence', act: true }, 'No response from miner'],
      [{ kind: 'nonsense', what: 'not-json' }, "The miner's answer could not be understood"],
      [{ kind: 'drop' }, /./],
      [{ kind: 'close' }, /./],
    ];
    for (const [habit, detail] of habits) {
      axon.setHabit('pause', habit, { times: 1 });
      const reply = await api.act('pause_docker', mine);
      assert.equal(reply.status, 403, JSON.stringify(habit));
      assert.equal(reply.json.message, 'An error occurred during pause operation.');
      if (detail instanceof RegExp) assert.match(reply.json.err_detail, detail);
      else assert.equal(reply.json.err_detail, detail);
      // What was begun is undone: it is not paused, for its renter was told that the pause failed.
      succeeded(await api.act('restart_docker', mine), words.restart_docker[0]);
      assert.equal(axon.container().state, 'running', JSON.stringify(habit));
      await isStill(api, 'active');
    }
  });

  step('deallocate: the container goes, the slot is free, the UUID is worth nothing', async ({ api, slotIs }) => {
    const reply = await api.post('/service/deallocate', {
      query: { notify_flag: 'Yes' },
      body: { hotkey: mine.hotkey, uuid_key: mine.uuid_key },
    });
    succeeded(reply, 'Resource deallocated successfully.');
    assert.equal(axon.container(), null);
    assert.equal(axon.miner.allocated, null);
    refused(await api.deallocate(mine), 404, noDetails);
    assert.deepEqual(await api.allocations(), []);
  });

  step('deallocate of a paused one: it runs before it is removed', async ({ api }) => {
    const other = succeeded(await api.allocateHotkey(mine.hotkey), made);
    assert.notEqual(other.uuid_key, mine.uuid_key);
    succeeded(await api.act('pause_docker', other), words.pause_docker[0]);
    const before = axon.calls.length;
    succeeded(await api.deallocate(other), 'Resource deallocated successfully.');
    assert.equal(axon.container(), null);
    assert.deepEqual(axon.calls.slice(before).map((call) => call.action), ['unpause', 'deregister']);
  });

  step('deallocate when the miner never confirms: 200 after the tries, not offered until it does', async (world) => {
    const { api } = world;
    const other = succeeded(await api.allocateHotkey(mine.hotkey), made);
    axon.setHabit('deregister', { kind: 'http', status: 500 });
    const before = axon.calls.length;
    succeeded(await api.deallocate(other), 'Resource deallocated successfully.');
    assert.ok(axon.calls.slice(before).filter((call) => call.action === 'deregister').length >= 3);
    assert.ok(axon.container(), 'it is still there');
    assert.deepEqual(await api.allocations(), [], "but the renter's lease has ended");
    assert.equal((await api.slots()).get(mine.hotkey), 'reserved');
    refused(await api.allocateHotkey(mine.hotkey), 404, 'Fail to allocate resource', 'Requested resource is not available.');
    refused(await api.deallocate(other), 404, noDetails);
    axon.setHabit('deregister', null);
    await world.slotIs(mine.hotkey, 'available');
    assert.equal(axon.container(), null);
  });

  step('deallocate while an action is held: the lease ends, the action is told', async ({ api }) => {
    const other = succeeded(await api.allocateHotkey(mine.hotkey), made);
    const held = axon.setHabit('restart', { kind: 'hold' }, { times: 1 });
    const acting = api.act('restart_docker', other);
    await held.arrived;
    const ending = api.deallocate(other);
    refused(await acting, 404, noDetails);
    held.release();
    succeeded(await ending, 'Resource deallocated successfully.');
    assert.equal(axon.container(), null);
  });
});
