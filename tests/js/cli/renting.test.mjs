// lode against the real daemon and stand-in miners: renting, looking, giving back.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { asUser, Cli } from '../lib/cli.mjs';
import { sshKey } from '../lib/replies.mjs';
import { until } from '../lib/wait.mjs';
import { withSteps, withWorld } from '../lib/world.mjs';

const ended = (result, code, text) => {
  assert.equal(result.code, code, `${result.stdout}${result.stderr}`);
  if (text) assert.match(result.stderr, text);
};

withSteps('a renter at the command line', { miners: 3 }, (step) => {
  let cli;
  let mine;
  step('allocates: the UUID is kept, and not shown', async ({ loded }) => {
    cli = await Cli.create(loded.url);
    await fs.mkdir(path.join(cli.home, '.ssh'));
    await fs.writeFile(path.join(cli.home, '.ssh/id_ed25519.pub'), `${sshKey('me@home')}\n`);
    await fs.writeFile(path.join(cli.home, '.ssh/id_ed25519'), 'private');
    const { code, stdout, stderr } = await cli.run(['allocate', '--gpu', 'a4000', '--days', '2', '--wait-ssh']);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^hotkey\t5\w{47}\nresource\tnvidia rtx a4000\nssh\tssh root@127\.0\.0\.1 -p \d+\nexpires\t\S+Z\n$/);
    const state = await cli.state();
    assert.equal((await fs.stat(await cli.stateFile())).mode & 0o777, 0o600);
    [mine] = state.allocations;
    assert.deepEqual(state.pending, []);
    assert.equal(mine.identity, path.join(cli.home, '.ssh/id_ed25519'));
    assert.ok(!stdout.includes(mine.uuid));
  });
  step('the key that it sent is that of ~/.ssh', async ({ api }) => {
    const [listed] = await api.allocations();
    assert.equal(listed.uuid_key, mine.uuid);
    assert.match(listed.ssh_key, / me@home$/);
    assert.equal(Date.parse(listed.expires_at) - Date.parse(listed.created_at), 2 * 86_400_000);
  });
  step('ls marks what is ours', async ({ api, axons }) => {
    const other = axons.find(({ hotkey }) => hotkey !== mine.hotkey);
    const theirs = (await api.allocateHotkey(other.hotkey)).json.data;
    const rows = await cli.rows(['ls']);
    assert.deepEqual(Object.fromEntries(rows.map(([hotkey, ours, state]) => [hotkey, [ours, state]])), {
      [mine.hotkey]: ['yes', 'active'],
      [theirs.hotkey]: ['no', 'active'],
    });
    assert.deepEqual((await cli.rows(['ls', '--ours'])).map(([hotkey]) => hotkey), [mine.hotkey]);
    assert.deepEqual(await cli.json(['ls']), await api.allocations());
    // What is piped into `lode release` must not be other people's.
    assert.deepEqual(await cli.json(['ls', '--ours']), (await api.allocations()).filter(({ hotkey }) => hotkey === mine.hotkey));
    const offered = await cli.json(['resources', '--available', '--page', '1']);
    assert.deepEqual(offered.page_items.map(({ hotkey }) => hotkey), axons.map(({ hotkey }) => hotkey)
      .filter((hotkey) => hotkey !== mine.hotkey && hotkey !== theirs.hotkey));
    assert.deepEqual({ ...offered, page_items: 0 }, { ...(await cli.json(['resources', '--page', '1'])), page_items: 0 });
    ended(await cli.run(['release', theirs.hotkey.slice(0, 20)]), 3);
    // By its whole name and UUID it can be given back all the same.
    ended(await cli.run(['release', theirs.hotkey, '--uuid', theirs.uuid_key]), 0);
  });
  step('ls fits a terminal, with colours only there', async () => {
    const { code, shown } = await cli.atTerminal(['ls'], { columns: 70 });
    assert.equal(code, 0, shown);
    const plain = shown.replaceAll(/\x1b\[[0-9;]*[mK]|\r/g, '');
    const lines = plain.trimEnd().split('\n');
    assert.match(lines[0], /^HOTKEY +OURS +STATE +RESOURCE +SSH +EXPIRES$/);
    for (const line of lines) assert.ok([...line].length <= 70, line);
    assert.match(lines[1], /^5\w+… +yes +active .* in (2 d|1 d 23 h)$/);
    assert.match(shown, /\x1b\[32mactive/);
    const none = await cli.atTerminal(['ls'], { env: { NO_COLOR: '1' } });
    assert.ok(!none.shown.includes('\x1b[32m'), none.shown);
    assert.ok(!(await cli.run(['ls'])).stdout.includes('\x1b'));
  });
  step('show hides secrets unless asked', async () => {
    const hidden = await cli.pairs(['show', 'last']);
    assert.equal(hidden.uuid_key, '(shown with --secrets)');
    assert.equal(hidden.ours, 'yes');
    const open = await cli.pairs(['show', mine.hotkey.slice(0, 12), '--secrets']);
    assert.equal(open.uuid_key, mine.uuid);
    assert.ok(open.ssh_password.length > 5);
    assert.equal((await cli.json(['show', 'last'])).uuid_key, mine.uuid);
    ended(await cli.run(['show', '5Nobody']), 3, /no allocation is called '5Nobody'/);
  });
  step('pause, unpause, restart', async ({ api }) => {
    for (const [command, state] of [['pause', 'paused'], ['unpause', 'active'], ['restart', 'active']]) {
      const done = await cli.run([command, 'last']);
      ended(done, 0);
      assert.match(done.stdout, new RegExp(`^\\w+ ${mine.hotkey}\n$`));
      const [listed] = await api.allocations();
      assert.equal(listed.state, state);
    }
    ended(await cli.run(['unpause', 'last']), 1, /the container is not paused/);
  });
  step('key exchanges the key', async ({ api }) => {
    const line = sshKey('other@home');
    await fs.writeFile(path.join(cli.home, 'other.pub'), line);
    await fs.writeFile(path.join(cli.home, 'other'), 'private');
    ended(await cli.run(['key', 'last', '--ssh-key', '~/other.pub']), 0);
    assert.equal((await api.allocations())[0].ssh_key, line);
    assert.equal((await cli.state()).allocations[0].identity, path.join(cli.home, 'other'));
    ended(await cli.run(['key', 'last', '--ssh-key', '-'], { input: 'hello' }), 2, /not one line of an OpenSSH public key/);
    await fs.writeFile(path.join(cli.home, 'x'), '-----BEGIN OPENSSH PRIVATE KEY-----');
    ended(await cli.run(['key', 'last', '--ssh-key', '~/x']), 2, /private key, which must stay with you/);
  });
  step('extend makes the lease longer, as far as the miner was told', async ({ api }) => {
    const [before] = await api.allocations();
    const done = await cli.run(['extend', 'last', '--days', '1']);
    ended(done, 0);
    const [after] = await api.allocations();
    assert.equal(done.stdout, `extended ${mine.hotkey} until ${after.expires_at}\n`);
    assert.equal(Date.parse(after.expires_at) - Date.parse(before.expires_at), 86_400_000);
    assert.equal((await cli.state()).allocations[0].expires_at, after.expires_at);
    ended(await cli.run(['extend', 'last', '--days', '2']), 2, /the lease is 4 days at most: 1 more are possible/);
    ended(await cli.run(['extend', 'last', '--days', '0']), 2);
    ended(await cli.run(['extend', mine.hotkey, '--uuid', 'wrong', '--days', '1']), 4, /Invalid UUID key/);
    assert.deepEqual(await api.allocations(), [after]);
    assert.equal((await cli.pairs(['show', 'last'])).expires_at, after.expires_at);
  });
  step('check looks at the port now', async ({ axons }) => {
    const axon = axons.find(({ hotkey }) => hotkey === mine.hotkey);
    const { port, reachable, healthy, eligible, misses, ssh_port: sshPort } = await cli.pairs(['check', 'last']);
    assert.deepEqual([port, reachable, healthy, eligible, misses, sshPort],
      ['open', 'yes', 'yes', 'yes', '0', String(axon.sshPort)]);
    axon.miner.stop();
    assert.deepEqual((await cli.pairs(['check', 'last'])).port, 'closed');
    axon.miner.container.state = 'running';
    assert.deepEqual((await cli.json(['check', mine.hotkey.slice(0, 12)])).healthy, true);
    ended(await cli.run(['check', mine.hotkey, '--uuid', 'wrong']), 4, /Invalid UUID key/);
  });
  step('ssh --print shows how it would log in', async () => {
    const { stdout } = await cli.run(['ssh', 'last', '--print', '--', 'uname', '-a']);
    const hosts = path.join(cli.home, '.local/state/lode/known_hosts');
    assert.match(stdout, new RegExp(`^ssh -p ${mine.ssh_port} -o UserKnownHostsFile=${hosts}/5\\w+ .* root@127.0.0.1 uname -a\n$`));
    assert.match(stdout, new RegExp(`-i ${cli.home}/other -o IdentitiesOnly=yes`));
    assert.ok(!stdout.includes(mine.uuid));
    // Pasted into a shell, its words are the same again.
    const odd = ["it's", '$HOME;', '`id`', '*', 'a  b', ''];
    const line = (await cli.run(['ssh', 'last', '--print', '--', ...odd])).stdout;
    const words = await cli.run([], { command: ['bash', '-c', `printf '%s\\n' ${line}`] });
    assert.deepEqual(words.stdout.split('\n').slice(-1 - odd.length, -1), odd);
  });
  step('a miner that is being drained: the lease is not made longer', async ({ api }) => {
    const mark = { hotkey: mine.hotkey, mark: 'drain' };
    assert.equal((await api.post('/admin/mark', { query: mark })).status, 200);
    ended(await cli.run(['extend', 'last', '--days', '1']), 1, /takes nothing new \(drain\).*\n.*lode allocate/);
    assert.equal((await api.post('/admin/unmark', { query: mark })).status, 200);
  });
  step('release forgets it', async ({ api }) => {
    ended(await cli.run(['release', mine.hotkey.slice(0, 10)]), 0);
    assert.deepEqual(await api.allocations(), []);
    assert.deepEqual((await cli.state()).allocations, []);
    ended(await cli.run(['release', 'last']), 3, /no allocation of yours/);
    assert.deepEqual(await cli.json(['ls']), []);
  });
  step('a wrong UUID is no permission', async ({ api, axons }) => {
    const { data } = (await api.allocateHotkey(axons[0].hotkey)).json;
    ended(await cli.run(['release', data.hotkey, '--uuid', 'wrong']), 4, /Invalid UUID key/);
    ended(await cli.run(['allocate', '--hotkey', data.hotkey]), 3, /Requested resource is not available/);
    await api.deallocate(data);
  });
  step('--hotkey rents that one; nothing fits: 3', async ({ axons }) => {
    const { hotkey } = axons[2];
    assert.equal((await cli.pairs(['allocate', '--hotkey', hotkey])).hotkey, hotkey);
    ended(await cli.run(['release', 'last']), 0);
    ended(await cli.run(['allocate', '--gpu', 'h100']), 3, /lode resources/);
    assert.deepEqual((await cli.state()).pending, [], 'a definite no is no call that is under way');
  });
  step('resources, filtered and counted', async ({ axons }) => {
    assert.equal((await cli.rows(['resources', '--gpu', 'A4000'])).length, axons.length);
    assert.equal((await cli.json(['resources', '--ram-min', '1000'])).length ?? 0, 0);
    assert.deepEqual(await cli.pairs(['resources', '--stats']), { available: '3', reserved: '0', total: '3' });
    assert.equal((await cli.json(['resources', '--page', '1', '--page-size', '2'])).page_items.length, 2);
  });
  step('the end', () => cli.destroy());
});

withWorld('Ctrl-C during an allocate: the same command goes on with it', { miners: [{ axon: {} }] }, async (world) => {
  await asUser(world.loded.url, async (cli) => {
    // The daemon is held still, so that it surely is under way.
    world.loded.signal('SIGSTOP');
    const child = cli.start(['allocate', '--no-ssh-key']);
    await until('the call is on disk', async () => (await cli.state().catch(() => ({ pending: [] }))).pending.length === 1);
    child.kill('SIGINT');
    const { code, stderr } = await child.ended;
    world.loded.signal('SIGCONT');
    assert.equal(code, 130, stderr);
    assert.match(stderr, /the same command goes on with this allocation/);
    const { pending } = await cli.state();
    const again = await cli.run(['allocate', '--no-ssh-key'], { within: 60_000 });
    assert.match(again.stderr, /going on with the same allocate/);
    if (again.code === 0) ended(await cli.run(['release', 'last']), 0);
    assert.equal(pending.length, 1);
    for (const left of await world.api.allocations()) await world.api.deallocate(left);
  });
});

withWorld('a server that starts late is waited for', { miners: 1 }, async (world) => {
  const { url, settings } = world.loded;
  await world.stop();
  await asUser(url, async (cli) => {
    const child = cli.start(['allocate']);
    await until('the first try', async () => (await cli.state().catch(() => ({ pending: [] }))).pending.length === 1);
    settings['http.listen'] = new URL(url).host;
    await world.start();
    const { code, stderr } = await child.ended;
    assert.equal(code, 0, stderr);
    ended(await cli.run(['release', 'last']), 0);
  });
});
