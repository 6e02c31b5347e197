// lode miners: what an operator sees and does, against the real daemon.
import assert from 'node:assert/strict';
import { asUser } from '../lib/cli.mjs';
import { succeeded } from '../lib/replies.mjs';
import { specsOf, withWorld } from '../lib/world.mjs';

const stranger = '5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX';
const done = ({ code, stdout, stderr }, said) => assert.deepEqual([code, stdout], [0, `${said}\n`], stderr);
const asKnown = (world, body) => asUser(world.loded.url, (cli) => body(cli, world));

withWorld('list, and marks by the beginning of a hotkey', { miners: 2 }, (world) =>
  asKnown(world, async (cli, { api, axons, miners }) => {
    const [{ hotkey }, { hotkey: other }] = axons;
    const start = hotkey.slice(0, 20);
    const line = (name, ...rest) => [name, 'nvidia rtx a4000', '1', ...rest];
    const rowOf = async (name, ...options) => (await cli.rows(['miners', 'list', name, ...options]))[0];
    assert.deepEqual((await cli.rows(['miners', 'list'])).map(([name]) => name), [hotkey, other].sort());
    assert.deepEqual(await rowOf(start), line(hotkey, 'free', '-', 'yes', '-', 'yes', ''));
    const mine = succeeded(await api.allocateHotkey(hotkey), 'Resource was successfully allocated');
    assert.deepEqual((await rowOf(start)).slice(3, 6), ['busy', 'active', 'yes']);

    for (const mark of ['cordon', 'drain', 'blacklist'])
      done(await cli.run(['miners', mark, start, '--reason', 'new driver']), `marked ${hotkey}: ${mark}`);
    assert.deepEqual((await rowOf(start)).slice(7), ['no', 'cordon, drain, blacklist']);
    const wide = await rowOf(hotkey, '-o', 'wide');
    assert.match(wide[8], /^cordon \(new driver; 2\S+Z\), drain \(new driver; 2\S+Z\), blacklist \(/);
    const { port } = miners.find((miner) => miner.hotkey === hotkey);
    assert.deepEqual(wide.slice(9), [`127.0.0.1:${port}`, '183', 'no', 'yes']);
    for (const [command, mark] of [['uncordon', 'cordon'], ['undrain', 'drain'], ['unblacklist', 'blacklist']]) {
      done(await cli.run(['miners', command, start]), `${hotkey} is no longer marked: ${mark}`);
      const again = await cli.run(['miners', command, start]);
      assert.equal(again.code, 3);
      assert.match(again.stderr, new RegExp(`remove the mark ${mark}: No such mark`));
    }
    assert.equal((await cli.run(['miners', 'unmark', hotkey, 'quarantine'])).code, 3);
    assert.deepEqual((await rowOf(start)).slice(7), ['yes', '']);

    assert.equal((await cli.run(['miners', 'cordon', '5Nobody'])).code, 3);
    assert.equal((await cli.run(['miners', 'cordon', stranger])).code, 3);
    done(await cli.run(['miners', 'blacklist', stranger]), `marked ${stranger}: blacklist`);
    assert.equal((await cli.json(['miners', 'list', stranger])).page_items?.[0]?.known ?? false, false);
    const events = await cli.run(['events', '--type', 'miner']);
    assert.match(events.stdout, /event=marked.*mark=blacklist/);
    await api.deallocate(mine);
  }));

withWorld('explain', { miners: [{ specs: specsOf({ mib: 20000 }) }, { specs: specsOf({ mib: 40000 }) }] }, (world) =>
  asKnown(world, async (cli, { axons: [small, large] }) => {
    const why = (...args) => cli.rows(['miners', 'explain', ...args]);
    assert.deepEqual(await why('--gpu', 'a4000'), [[small.hotkey, 'yes', '1', ''], [large.hotkey, 'yes', '2', '']]);
    assert.deepEqual(await why('--gpu', 'any', '--gpu-memory', '30', '--ram', '64'), [small, large]
      .map(({ hotkey }) => hotkey)
      .sort()
      .map((hotkey) => [hotkey, 'no', '-', hotkey === small.hotkey ? 'needs 64 GiB of RAM, has 32; needs 30 GB of GPU memory, has 20' : 'needs 64 GiB of RAM, has 32']));
    await cli.run(['miners', 'cordon', small.hotkey, '--reason', 'driver']);
    const [[name, fits, rank, reasons]] = await why(small.hotkey.slice(0, 20));
    assert.deepEqual([name, fits, rank], [small.hotkey, 'yes', '-']);
    assert.match(reasons, /^it is cordoned since 2\S+Z: driver$/);
  }));
