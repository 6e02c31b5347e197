// lode beside renting: usage, exit codes, contexts, completion, doctor, and a server that is not there.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Certs } from '../lib/certs.mjs';
import { asUser, program } from '../lib/cli.mjs';
import { until } from '../lib/wait.mjs';
import { inWorld, withWorld } from '../lib/world.mjs';

const nobody = 'http://127.0.0.1:9'; // discard: nothing listens there

test('help of every command of every depth exits 0 and says what it is for', () =>
  asUser(nobody, async (cli) => {
    const seen = [];
    const look = async (path) => {
      const { code, stdout, stderr } = await cli.run([...path, '--help']);
      assert.equal(code, 0, stderr);
      assert.equal(stderr, '');
      assert.match(stdout, /^\S.+\nUsage: lode/, path.join(' '));
      seen.push(path.join(' '));
      const [, list] = /\nSubcommands:\n((?: {2}.*\n)+)/.exec(stdout) ?? [];
      for (const [, name] of (list ?? '').matchAll(/^ {2}([a-z]+) {2,}\S/gm)) await look([...path, name]);
    };
    await look([]);
    for (const name of ['miners explain', 'miners unmark', 'keys add', 'notify resend', 'context use', 'events']) assert.ok(seen.includes(name), name);
    assert.ok(seen.length > 35, seen.join(', '));
    assert.match((await cli.run(['--version'])).stdout, /^lode \d+\.\d+\.\d+\n$/);
    assert.match((await cli.json(['version'])).version, /^\d+\.\d+\.\d+$/);
  }));

test('help of every command has examples and exits 0', () =>
  asUser(nobody, async (cli) => {
    const all = await cli.run(['--help']);
    assert.equal(all.code, 0);
    for (const text of ['Exit status:', 'LODE_SERVER', 'config.toml', '130']) assert.ok(all.stdout.includes(text), text);
    const names = [...all.stdout.matchAll(/^ {2}([a-z]+) {3,}/gm)].map(([, name]) => name);
    for (const name of ['allocate', 'ls', 'show', 'ssh', 'release', 'pause', 'unpause', 'restart', 'key', 'extend', 'check',
      'resources', 'miners', 'events', 'keys', 'notify', 'doctor', 'context', 'completion', 'version']) {
      assert.ok(names.includes(name), name);
      const one = await cli.run([name, '--help']);
      assert.equal(one.code, 0);
      if (name !== 'version') assert.match(one.stdout, /Examples:\n {2}(lode|source)/, name);
    }
    assert.ok(!names.includes('__names'));
  }));

test('wrong usage is 2 and says where to look', () =>
  asUser(nobody, async (cli) => {
    for (const args of [[], ['nonsense'], ['ls', '--nonsense'], ['release'], ['allocate', '--gpu-count', 'x'], ['ls', '-o', 'xml'],
      ['ls', '--', 'uname'], ['allocate', '--hotkey', 'x', '--gpu', 'y'], ['--server', 'ftp://x', 'ls'], ['--context', 'none', 'ls'],
      ['extend', 'last', '--days', '0'], ['miners'], ['keys', 'add', 'x', '--role', 'king'], ['--cert-key', '/x', 'ls']]) {
      const { code, stderr, stdout } = await cli.run(args);
      assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
      assert.equal(stdout, '');
      assert.match(stderr, /^lode: .+\n {2}.+/);
    }
  }));

test('no server: 5, with what to do', () =>
  asUser(nobody, async (cli) => {
    for (const args of [['ls'], ['resources'], ['keys', 'list'], ['events'], ['miners', 'list'], ['notify', 'list']]) {
      const { code, stderr } = await cli.run(args);
      assert.equal(code, 5, stderr);
      assert.match(stderr, /127\.0\.0\.1:9: no connection/);
      assert.match(stderr, /--server/);
    }
  }));

test('a server that is silent: 5 after --timeout; one that is no loded: 1', async () => {
  const silent = net.createServer((socket) => socket.on('error', () => {}));
  const other = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhi\x1b!'));
  });
  await Promise.all([silent, other].map((s) => new Promise((resolve) => s.listen(0, '127.0.0.1', resolve))));
  try {
    await asUser(`http://127.0.0.1:${silent.address().port}`, async (cli) => {
      const { code, stderr } = await cli.run(['ls', '--timeout', '0.3']);
      assert.equal(code, 5, stderr);
      assert.match(stderr, /no reply in time/);
      const child = cli.start(['ls']);
      await new Promise((resolve) => silent.once('connection', resolve));
      child.kill('SIGINT');
      assert.equal((await child.ended).code, 130);
    });
    await asUser(`http://127.0.0.1:${other.address().port}`, async (cli) => {
      const { code, stderr } = await cli.run(['ls']);
      assert.equal(code, 1, stderr);
      assert.match(stderr, /no answer of a loded/);
    });
  } finally {
    silent.close();
    other.close();
  }
});

const silentNames = process.env.LODE_SILENT_NAMES;
test('a name server that never answers: neither Ctrl-C nor --timeout waits for it', () =>
  asUser('https://lode.example.com', async (cli) => {
    const env = { LD_PRELOAD: silentNames, ASAN_OPTIONS: 'verify_asan_link_order=0' };
    const late = await cli.run(['ls', '--timeout', '0.3'], { env });
    assert.equal(late.code, 5, late.stderr);
    assert.match(late.stderr, /asked for lode\.example\.com\n.*the name lode\.example\.com cannot be found: no answer in time/);
    const child = cli.start(['ls'], { env });
    await until('it asks', () => /asked for/.test(child.said.stderr));
    child.kill('SIGINT');
    assert.equal((await child.ended).code, 130);
  }));

test('a name that there is none of: 5', () =>
  asUser('http://lode.invalid', async (cli) => {
    const { code, stderr } = await cli.run(['ls']);
    assert.equal(code, 5);
    assert.match(stderr, /the name lode\.invalid cannot be found/);
  }));

test('files of lode that cannot be kept: 1, with the file and what to do', () =>
  asUser(nobody, async (cli) => {
    const config = path.join(cli.home, '.config');
    await fs.writeFile(config, ''); // not even root can make a folder in it
    const set = await cli.run(['context', 'set', 'x', '--server', nobody]);
    assert.equal(set.code, 1, set.stderr);
    assert.match(set.stderr, /\.config\/lode.*: Not a directory\n {2}.*XDG_CONFIG_HOME/);
    await fs.rm(config);
    // What cannot be remembered is not begun.
    await fs.writeFile(path.join(cli.home, '.local'), '');
    const rent = await cli.run(['allocate']);
    assert.equal(rent.code, 1, rent.stderr);
    assert.match(rent.stderr, /\.local\/state.*Not a directory/);
    const file = path.join(config, 'lode/config.toml');
    await fs.mkdir(path.dirname(file), { recursive: true });
    await fs.writeFile(file, '');
    assert.equal((await cli.run(['ls'])).code, 5, 'an empty file is no context');
    assert.deepEqual(await cli.json(['context', 'list']), []);
    for (const [text, said] of [['current = 5\n', /:1: unknown setting current/], ['[contexts.x]\n', /:1: a context needs server/],
      ['[contexts.x]\nserver = "ftp://x"\n', /:1: 'ftp:\/\/x' is no address/], ['\0\xff', /:1: not TOML/]]) {
      await fs.writeFile(file, text);
      const { code, stderr } = await cli.run(['ls']);
      assert.equal(code, 2, stderr);
      assert.match(stderr, said);
    }
  }));

test('without HOME the home folder is that of the user', () =>
  asUser(nobody, async (cli) => {
    const { code, stderr } = await cli.run(['context', 'use', 'none-such'], { env: { HOME: undefined, XDG_CONFIG_HOME: path.join(cli.home, 'c') } });
    assert.equal(code, 3, stderr);
    const elsewhere = await cli.run(['--context', 'none-such', 'ls'], { env: { HOME: undefined } });
    assert.equal(elsewhere.code, 2);
    await assert.rejects(fs.access('/.config/lode'), 'nothing of ours is in the root folder');
  }));

const words = (text) => text.trimEnd().split('\n');
test('completion in a real zsh', () =>
  asUser(nobody, async (cli) => {
    const folder = path.join(cli.home, '.local/state/lode');
    await fs.mkdir(folder, { recursive: true });
    const state = { hotkey: '5Gme', uuid: 'u', server: nobody, gone: false };
    await fs.writeFile(path.join(folder, 'server-127.0.0.1_9.json'), JSON.stringify({ version: 1, allocations: [state] }));
    const lines = {
      'lode unp': 'lode unpause', 'lode miners unc': 'lode miners uncordon', 'lode allocate --gpu-c': 'lode allocate --gpu-count',
      'lode --server x allocate --wait': 'lode --server x allocate --wait-ssh', 'lode release 5': 'lode release 5Gme',
      'lode context us': 'lode context use',
    };
    const { code, stdout, stderr } = await cli.run([], {
      command: ['zsh', '-f', fileURLToPath(new URL('../lib/tab.zsh', import.meta.url)), ...Object.keys(lines)],
      env: { PATH: `${path.dirname(program)}:${process.env.PATH}` },
    });
    assert.equal(code, 0, stderr);
    assert.deepEqual(words(stdout).map((line) => line.trimEnd()), Object.values(lines));
  }));

test('contexts are made, chosen, listed, removed', () =>
  asUser(undefined, async (cli) => {
    const ok = async (...args) => {
      const result = await cli.run(args);
      assert.equal(result.code, 0, result.stderr);
      return result.stdout;
    };
    await ok('context', 'set', 'lab', '--server', '127.0.0.1:8903');
    await ok('context', 'set', 'prod', '--server', 'https://lode.example.com', '--api-key-file', '~/prod.key', '--ca-file', '/ca.pem');
    assert.deepEqual(await cli.rows(['context', 'list']), [
      ['*', 'lab', 'http://127.0.0.1:8903', '', ''],
      ['', 'prod', 'https://lode.example.com', '~/prod.key', ''],
    ]);
    await ok('context', 'use', 'prod');
    assert.equal((await cli.json(['context', 'list']))[1].current, true);
    const noKey = await cli.run(['ls']);
    assert.equal(noKey.code, 4);
    assert.match(noKey.stderr, /prod\.key: No such file/);
    await ok('context', 'remove', 'prod');
    assert.equal((await cli.run(['context', 'use', 'prod'])).code, 3);
    const file = path.join(cli.home, '.config/lode/config.toml');
    assert.equal((await fs.stat(file)).mode & 0o777, 0o600);
    await fs.appendFile(file, '\n[oops');
    const broken = await cli.run(['ls']);
    assert.equal(broken.code, 2);
    assert.match(broken.stderr, /config\.toml:\d+: not TOML/);
  }));

test('completion in a real bash', () =>
  asUser(nobody, async (cli) => {
    const complete = async (...words) => {
      const script = `lode() { ${program} "$@"; }; source <(lode completion bash)
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _lode; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { code, stdout, stderr } = await cli.run([], { command: ['bash', '-c', script, 'bash', ...words] });
      assert.equal(code, 0, stderr);
      return stdout.trimEnd().split('\n');
    };
    assert.deepEqual(await complete('lode', 'unp'), ['unpause']);
    assert.deepEqual(await complete('lode', 'miners', 'un'), ['uncordon', 'undrain', 'unblacklist', 'unmark']);
    assert.deepEqual(await complete('lode', '--server', 'x', 'allocate', '--gpu-'), ['--gpu-count', '--gpu-memory']);
    const state = { hotkey: '5Gme', uuid: 'u', server: nobody, gone: false };
    const folder = path.join(cli.home, '.local/state/lode');
    await fs.mkdir(folder, { recursive: true });
    await fs.writeFile(path.join(folder, 'server-127.0.0.1_9.json'), JSON.stringify({ version: 1, allocations: [state] }));
    assert.deepEqual(await complete('lode', 'release', ''), ['last', '5Gme']);
    const zsh = await cli.run(['completion', 'zsh']);
    assert.match(zsh.stdout, /^#compdef lode\n/);
  }));

withWorld('doctor sees what is well and what is not', { miners: 1 }, async (world) => {
  await asUser(world.loded.url, async (cli) => {
    const wallet = path.join(world.dir, 'hotkey');
    const store = path.join(world.dir, 'data');
    const args = ['doctor', '--wallet', wallet, '--store', store];
    const found = async (...more) => {
      const { code, stdout, stderr } = await cli.run([...args, ...more, '-o', 'json']);
      return { code, stderr, lines: Object.fromEntries(JSON.parse(stdout).map((f) => [f.check, f])) };
    };
    const well = await found();
    assert.equal(well.code, 0, JSON.stringify(well.lines));
    for (const check of ['server', 'ready', 'access', 'clock', 'hotkey', 'store'])
      assert.notEqual(well.lines[check].verdict, 'fail', check);
    assert.equal(well.lines.ready.found, '1 miners, 0 allocations');
    assert.match(well.lines.hotkey.found, new RegExp(`^${world.hotkey} in `));
    await fs.chmod(wallet, 0o644);
    const open = await found('--engine', path.join(world.dir, 'no.sock'));
    assert.equal(open.code, 1);
    assert.equal(open.lines.hotkey.verdict, 'fail');
    assert.match(open.lines.hotkey.next, /^chmod 600 /);
    assert.equal(open.lines['container engine'].verdict, 'fail');
    await fs.chmod(wallet, 0o600);
    const settings = path.join(world.dir, 'loded.toml');
    await fs.writeFile(settings, `[http]\nlisten = "${new URL(world.loded.url).host}"\n[wallet]\nhotkey-file = "${wallet}"\n`);
    assert.equal((await found('--loded-config', settings)).lines["loded's port"].verdict, 'ok');
    await fs.writeFile(settings, '[http]\nlisten = 5\n');
    assert.match((await found('--loded-config', settings)).lines["loded's settings"].found, /http\.listen/);
    const { shown } = await cli.atTerminal(args);
    assert.match(shown, /ok.* {2}server: http:\/\/127\.0\.0\.1:\d+ answers/);
  });
});

test('a certificate that has expired: lode refuses it and says why, doctor looks at those of the settings', async () => {
  const old = new Certs();
  try {
    await fs.rm(old.file('server.crt'));
    old.makeLongAgo();
    await inWorld({ settings: old.settings(), tls: { ...old.client(), rejectUnauthorized: false } }, (world) =>
      asUser(world.loded.url, async (cli) => {
        const { code, stderr } = await cli.run(['--ca-file', old.file('ca.crt'), 'ls']);
        assert.equal(code, 5);
        assert.match(stderr, /certificate has expired\n {2}it must be renewed/);
        const settings = path.join(world.dir, 'loded.toml');
        const tls = Object.entries(old.settings('required')).map(([name, value]) => `${name.slice(4)} = "${value}"\n`);
        await fs.writeFile(settings, `[tls]\n${tls.join('')}`);
        await fs.chmod(old.file('server.key'), 0o644);
        const found = JSON.parse((await cli.run(['doctor', '--loded-config', settings, '-o', 'json'])).stdout);
        const verdict = Object.fromEntries(found.map((f) => [f.check, f.verdict]));
        assert.deepEqual([verdict['tls.cert-file'], verdict['tls.key-file'], verdict['tls.client-ca-file']], ['fail', 'fail', 'ok']);
        assert.match(found.find((f) => f.check === 'tls.key-file').next, /^chmod 600 /);
        await fs.chmod(old.file('server.key'), 0o600);
      }));
  } finally {
    old.remove();
  }
});

test('doctor: a port of IPv6 is not one of IPv4', () =>
  asUser(nobody, async (cli) => {
    const six = net.createServer();
    six.listen(0, '::1');
    await once(six, 'listening');
    const settings = path.join(cli.home, 'loded.toml');
    const verdict = async (listen) => {
      await fs.writeFile(settings, `[http]\nlisten = "${listen}"\n`);
      const { stdout } = await cli.run(['doctor', '--loded-config', settings, '-o', 'json']);
      return JSON.parse(stdout).find((f) => f.check === "loded's port").verdict;
    };
    const { port } = six.address();
    assert.equal(await verdict(`[::1]:${port}`), 'ok');
    assert.equal(await verdict(`127.0.0.1:${port}`), 'warn');
    six.close();
  }));

test('doctor: an API key that others can read', () =>
  asUser(nobody, async (cli) => {
    const file = path.join(cli.home, 'the.key');
    await fs.writeFile(file, 'lode_k1_x\n', { mode: 0o644 });
    cli.server = undefined;
    await cli.run(['context', 'set', 'x', '--server', nobody, '--api-key-file', file]);
    const look = async () => JSON.parse((await cli.run(['doctor', '-o', 'json'])).stdout).find((f) => f.check === 'API key').verdict;
    assert.equal(await look(), 'fail');
    await fs.chmod(file, 0o600);
    assert.equal(await look(), 'ok');
  }));

test('doctor without a server says so', () =>
  asUser(nobody, async (cli) => {
    const { code, stdout } = await cli.run(['doctor']);
    assert.equal(code, 1);
    assert.match(stdout, /^fail\tserver\t.*no connection/m);
  }));
