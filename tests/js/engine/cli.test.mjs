// The command line and a real container: rent, run a command, give back, in one line of a shell as a user types it.
import assert from 'node:assert/strict';
import { asUser, program } from '../lib/cli.mjs';
import { engine, onStage } from './stage.mjs';

onStage('lode allocate && lode ssh && lode release', {}, async (stage) => {
  const [entry] = stage.agents;
  await stage.slotIs(entry, 'available');
  await asUser(stage.loded.url, async (cli) => {
    const shell = (line, options) =>
      cli.run([], { command: ['bash', '-c', `lode() { '${program}' "$@"; }; ${line}`], within: 120_000, ...options });
    const { code, stdout, stderr } = await shell(
      `lode allocate --gpu none --ssh-key '${stage.key.file}.pub' --wait-ssh && lode ssh last -- uname -a && lode release last`,
    );
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /^Linux .* GNU\/Linux$/m);
    assert.match(stdout, new RegExp(`^released ${entry.hotkey}$`, 'm'));
    assert.deepEqual(await engine.containersOf(entry.hotkey), []);

    await stage.slotIs(entry, 'available');
    const byPassword = await shell(
      [
        'lode allocate --no-ssh-key --wait-ssh >/dev/null || exit 90',
        'lode ssh last -- exit 7; echo "status $?"',
        'lode ssh last -- id -un',
        'echo from here | lode ssh last -- cat',
        'lode pause last; lode ssh last -- true; echo "paused $?"; lode unpause last',
        'lode ssh last -- echo again',
        'lode release last',
      ].join('\n'),
    );
    assert.equal(byPassword.code, 0, byPassword.stderr);
    const lines = byPassword.stdout.trimEnd().split('\n');
    assert.deepEqual(lines, [
      'status 7',
      'root',
      'from here',
      `paused ${entry.hotkey}`,
      'paused 1',
      `unpaused ${entry.hotkey}`,
      'again',
      `released ${entry.hotkey}`,
    ]);
    assert.match(byPassword.stderr, /is paused/);

    // A container of its own has a host key of its own: the next one on the same port is no stranger to ssh.
    await stage.slotIs(entry, 'available');
    const next = await shell(`lode allocate --ssh-key '${stage.key.file}.pub' --wait-ssh && lode ssh last -- id -un && lode release last`);
    assert.equal(next.code, 0, next.stderr);
  });
});
