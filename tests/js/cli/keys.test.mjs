// lode keys against the real daemon: the first key, what it opens and closes, revoking.
import assert from 'node:assert/strict';
import { asUser } from '../lib/cli.mjs';
import { withWorld } from '../lib/world.mjs';

withWorld('keys: add, list, use, revoke', { start: false, settings: { 'miners.simulated': 2 } }, async (world) => {
  await world.loded.start();
  await asUser(world.loded.url, async (cli) => {
    const env = {};
    const run = (...args) => cli.run(args, { env });
    assert.match((await cli.atTerminal(['keys', 'list'])).shown, /no keys: whoever reaches the server/);
    const early = await run('keys', 'add', 'ci', '--role', 'read');
    assert.notEqual(early.code, 0);
    assert.match(early.stderr, /the first key must be an admin's/);

    const first = await run('keys', 'add', 'root', '--role', 'admin');
    assert.equal(first.code, 0, first.stderr);
    const keyOf = (said) => /^key\t(lode_\w+_[\w-]+)$/m.exec(said.stdout)[1];
    const root = keyOf(first);
    world.secret(root);

    const locked = await run('keys', 'list');
    assert.equal(locked.code, 4);
    assert.match(locked.stderr, /Unauthorized/);
    env.LODE_KEY = root;
    const ci = await run('keys', 'add', 'ci', '--role', 'read');
    world.secret(keyOf(ci));
    const id = /^id\t(\w+)$/m.exec(ci.stdout)[1];
    const { stdout } = await run('keys', 'list');
    assert.match(stdout, /^\w+\troot\tadmin\t\S+Z\t\S+Z$/m);
    assert.match(stdout, new RegExp(`^${id}\tci\tread\t\\S+Z\tnever$`, 'm'));

    env.LODE_KEY = keyOf(ci);
    assert.equal((await run('resources')).code, 0);
    const small = await run('allocate', '--gpu', 'none');
    assert.equal(small.code, 4, small.stderr);
    assert.match(small.stderr, /this needs the role rent/);
    env.LODE_KEY = root;
    assert.equal((await run('keys', 'revoke', id)).stdout, `revoked ${id}\n`);
    assert.equal((await run('keys', 'revoke', id)).code, 3);
    env.LODE_KEY = keyOf(ci);
    assert.equal((await run('resources')).code, 4);
  });
  await world.loded.end('SIGTERM');
});
