// lode and what looks at it: a program that wants JSON from every command, and a terminal that waits, is interrupted, or
// can do little.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { asUser } from '../lib/cli.mjs';
import { sshKey } from '../lib/replies.mjs';
import { until } from '../lib/wait.mjs';
import { withWorld } from '../lib/world.mjs';

withWorld('-o json: every command prints JSON and nothing else', { miners: 1 }, (world) =>
  asUser(world.loded.url, async (cli) => {
    const [{ hotkey }] = world.axons;
    const key = path.join(cli.home, 'id.pub');
    await fs.writeFile(key, sshKey('me@home'));
    const seen = [];
    const json = async (...args) => {
      seen.push(args[0]);
      const { code, stdout, stderr } = await cli.run([...args, '-o', 'json']);
      assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
      assert.equal(stderr, '', args.join(' '));
      assert.match(stdout, /\n$/);
      assert.ok(!stdout.includes('\x1b'));
      return JSON.parse(stdout);
    };
    assert.equal((await json('allocate', '--hotkey', hotkey, '--ssh-key', key)).hotkey, hotkey);
    assert.equal((await json('ls')).length, 1);
    assert.equal((await json('show', 'last')).hotkey, hotkey);
    assert.equal((await json('extend', 'last', '--days', '1')).hotkey, hotkey);
    assert.equal((await json('check', 'last')).port, 'open');
    for (const args of [['pause', 'last'], ['unpause', 'last'], ['restart', 'last'], ['key', 'last', '--ssh-key', key],
      ['release', 'last'], ['miners', 'cordon', hotkey], ['miners', 'uncordon', hotkey], ['notify', 'resend', '--all'],
      ['context', 'set', 'x', '--server', world.loded.url], ['context', 'use', 'x'], ['context', 'remove', 'x']])
      await json(...args);
    assert.deepEqual(await json('context', 'list'), []);
    assert.equal((await json('resources')).page_items.length, 1);
    assert.equal((await json('resources', '--stats')).stats.total, 1);
    assert.equal((await json('miners', 'list')).page_items.length, 1);
    assert.equal((await json('miners', 'explain')).page_items.length, 1);
    assert.deepEqual((await json('notify', 'list')).page_items, []);
    assert.ok((await json('doctor')).length > 4);
    assert.ok((await json('version')).version);
    const events = await cli.run(['events', '-o', 'json']);
    assert.ok(events.stdout.trimEnd().split('\n').map(JSON.parse).some(({ payload }) => payload.event === 'allocated'));
    assert.deepEqual(await json('keys', 'list'), []);
    const help = (await cli.run(['--help'])).stdout;
    const all = [...help.matchAll(/^ {2}([a-z]+) {3,}/gm)].map(([, name]) => name);
    const rest = all.filter((name) => !seen.includes(name)).sort();
    assert.deepEqual(rest, ['completion', 'events', 'ssh'], 'a script, lines of JSON, and ssh itself');
  }));

/** Runs body(url) with a server that takes connections and never says a word. */
const withSilence = async (body) => {
  const server = net.createServer((socket) => socket.on('error', () => {}).resume());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets = new Set();
  server.on('connection', (socket) => sockets.add(socket));
  try {
    return await body(`http://127.0.0.1:${server.address().port}`);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
};

test('a spinner turns at a terminal; Ctrl-C ends it, clears its line and says so', () => withSilence((url) =>
  asUser(url, async (cli) => {
    const child = cli.start([], { command: cli.terminal(['ls']), input: null });
    const turns = () => new Set(child.said.stdout.match(/[|/\\-] list allocations … \d+ s/g));
    await until('it turns', () => turns().size > 2);
    child.stdin.write('\x03');
    const { code, stdout } = await child.ended;
    assert.equal(code, 130);
    assert.match(stdout, / s\r\x1b\[K[^|/\\]*\x1b\[31mlode:\x1b\[0m interrupted\r?\n$/, 'the line is cleared before the last word');
  })));

test('a terminal that can do nothing, and none: no spinner, no colours', () => withSilence((url) =>
  asUser(url, async (cli) => {
    const args = ['ls', '--timeout', '1.5'];
    const dumb = await cli.atTerminal(args, { env: { TERM: 'dumb' } });
    assert.equal(dumb.code, 5);
    assert.match(dumb.shown, /^lode: list allocations: .*: no reply in time\n/m);
    assert.ok(!/\x1b|…/.test(dumb.shown), JSON.stringify(dumb.shown));
    const none = await cli.run(args);
    assert.ok(!/\x1b|…|\r/.test(none.stdout + none.stderr), JSON.stringify(none.stderr));
    for (const off of [{ args: ['--no-color'] }, { env: { NO_COLOR: '1' } }]) {
      const plain = await cli.atTerminal([...args, ...(off.args ?? [])], { env: off.env ?? {} });
      assert.ok(!/\x1b\[\d*m/.test(plain.shown), JSON.stringify(plain.shown));
    }
  })));
