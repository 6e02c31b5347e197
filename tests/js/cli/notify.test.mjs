// lode notify: what waits, what was given up and what is sent again, against the real daemon and a real receiver.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asUser } from '../lib/cli.mjs';
import { answers, Receiver } from '../lib/receiver.mjs';
import { succeeded } from '../lib/replies.mjs';
import { until } from '../lib/wait.mjs';
import { inWorld } from '../lib/world.mjs';

const slow = { 'notify.queue': 1, 'notify.parallel': 1, 'notify.retry-seconds': 60, 'notify.retry-max-seconds': 60 };

test('list, resend and test', async () => {
  const receiver = await Receiver.open();
  try {
    const settings = { ...slow, 'notify.deallocation-url': receiver.url('/ended') };
    await inWorld({ miners: 2, settings }, ({ api, axons, loded }) => asUser(loded.url, async (cli) => {
      assert.deepEqual(await cli.rows(['notify', 'list']), []);
      receiver.habit = answers.status(500);
      for (const { hotkey } of axons) {
        const mine = succeeded(await api.allocateHotkey(hotkey), 'Resource was successfully allocated');
        succeeded(await api.act('deallocate', mine, { notify_flag: true }), 'Resource deallocated successfully.');
        await until('its attempt', async () => (await cli.rows(['notify', 'list', '--pending']))[0]?.[4] === '1');
      }
      // One may wait, so the second made the first one give way.
      const [[id, event, hotkey, state, , , next, why]] = await cli.rows(['notify', 'list', '--dead']);
      assert.deepEqual([event, hotkey, state, next, why],
        ['DEALLOCATION', axons[0].hotkey, 'dead', '', 'too many webhooks wait']);
      const [pending] = await cli.rows(['notify', 'list', '--pending']);
      assert.deepEqual(pending.slice(1, 5), ['DEALLOCATION', axons[1].hotkey, 'pending', '1']);
      assert.match(pending[6], /^2\S+Z$/);
      assert.deepEqual(await cli.json(['notify', 'list']).then((page) => page.page_items.map((n) => n.url_kind)),
        ['deallocation', 'deallocation']);

      assert.equal((await cli.run(['notify', 'resend'])).code, 2);
      assert.equal((await cli.run(['notify', 'resend', 'nothing'])).code, 3);
      const failing = await cli.run(['notify', 'test']);
      assert.equal(failing.code, 1);
      assert.match(failing.stderr, /500/);

      receiver.habit = answers.ok;
      assert.equal((await cli.run(['notify', 'resend', pending[0]])).stdout, 'queued again: 1\n');
      await until('the one that waited', () => receiver.kept.some((e) => e.hotkey === axons[1].hotkey));
      await until('its end', async () => (await cli.rows(['notify', 'list', '--pending'])).length === 0);
      assert.equal((await cli.run(['notify', 'resend', '--all'])).stdout, 'queued again: 1\n');
      await until('the dead one', () => receiver.kept.some((e) => e.hotkey === axons[0].hotkey));
      await until('nothing is left', async () => (await cli.rows(['notify', 'list'])).length === 0);
      assert.equal((await cli.run(['notify', 'resend', id])).code, 3, 'it was delivered');
      assert.equal((await cli.run(['notify', 'test'])).stdout, 'the receiver acknowledged DEALLOCATION\n');
      assert.equal((await cli.run(['notify', 'test', '--event', 'ONLINE'])).code, 1, 'no notify.status-url is set');
    }));
  } finally {
    await receiver.close();
  }
});
