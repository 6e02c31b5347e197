// Steps of a rented container's life that hold on every engine.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { refused, succeeded } from '../lib/replies.mjs';
import { bannerOf, makeKey } from '../lib/ssh.mjs';
import { until } from '../lib/wait.mjs';
import { engine } from './stage.mjs';

const mib = 2 ** 20;

/** Rents by what is needed, not by name. */
export async function allocate(stage, entry, { ram = 1, cpus = 1 } = {}) {
  await stage.slotIs(entry, 'available');
  const need = { cpu_count: cpus, gpu_type: '', gpu_size: 0, ram, hard_disk: 1, timeline: 2 };
  const docker = { base_image: 'ubuntu', ssh_key: stage.key.line };
  const data = succeeded(await stage.api.allocateSpec(need, docker), 'Resource was successfully allocated');
  assert.equal(data.hotkey, entry.hotkey);
  assert.equal(data.ssh_ip, '127.0.0.1');
  assert.ok(data.ssh_port >= entry.ports && data.ssh_port <= entry.ports + 9, `port ${data.ssh_port}`);
  assert.equal(data.ssh_username, 'root');
  assert.match(data.ssh_password, /^\S{10,}$/);
  return data;
}

export async function login(stage, allocation) {
  const { renter, key } = stage;
  const first = await renter.byKey(allocation, key, 'echo $((6*7)); cat /etc/ssh/ssh_host_ed25519_key.pub');
  assert.equal(first.code, 0, first.stderr);
  const [answer, host] = first.stdout.split('\n');
  assert.equal(answer, '42');
  // Whoever knows the container's key from inside meets the same one outside.
  const [, type, blob] = (await fs.readFile(renter.hostsOf(allocation), 'utf8')).trim().split(' ');
  assert.equal(`${type} ${blob}`, host.split(' ').slice(0, 2).join(' '));

  const word = await renter.byPassword(allocation, allocation.ssh_password, 'id -u', { known: true });
  assert.equal(word.stdout, '0\n', word.stderr);
  const wrong = await renter.byPassword(allocation, `${allocation.ssh_password}x`, 'id -u', { known: true });
  assert.equal(wrong.stdout, '');
  assert.equal(wrong.code, 255);
  assert.match(wrong.stderr, /Permission denied/);
  const stranger = await makeKey(stage.dir, 'stranger');
  const closed = await renter.byKey(allocation, stranger, 'id -u', { known: true });
  assert.equal(closed.code, 255, 'a key that nobody gave');
}

/** What the kernel enforces, read inside the container: {memory, quota, pids, shm, cpus, noNewPrivs, capabilities}. */
export async function limitsInside(stage, allocation) {
  const v1 = '/sys/fs/cgroup';
  const script = [
    `cat ${v1}/memory/memory.limit_in_bytes 2>/dev/null || cat ${v1}/memory.max`,
    `cat ${v1}/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d" " -f1 ${v1}/cpu.max`,
    `cat ${v1}/pids/pids.max 2>/dev/null || cat ${v1}/pids.max`,
    'df -B1 --output=size /dev/shm | tail -n 1',
    'nproc',
    'grep NoNewPrivs /proc/1/status | cut -f2',
    'grep CapBnd /proc/1/status | cut -f2',
    'grep Seccomp: /proc/1/status | cut -f2',
  ].join('\n');
  const { code, stdout, stderr } = await stage.renter.byKey(allocation, stage.key, script, { known: true });
  assert.equal(code, 0, stderr);
  const [memory, quota, pids, shm, cpus, noNewPrivs, capabilities, seccomp] = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim());
  return { memory, quota, pids, shm, cpus, noNewPrivs, capabilities, seccomp };
}

export async function limits(stage, allocation, { ram = 1, cpus = 1, quota = '-1', pids = 512, shm = 64 } = {}) {
  assert.deepEqual(await limitsInside(stage, allocation), {
    memory: String(ram * 1024 * mib),
    quota,
    pids: String(pids),
    shm: String(shm * mib),
    cpus: String(cpus),
    noNewPrivs: '1',
    capabilities: '00000000800404fb', // the ten that sshd and apt need, and no other
    seccomp: '2',
  });
}

async function statusOf(stage, entry) {
  const reply = await stage.api.post('/service/check_miner_status', { body: [entry.hotkey] });
  const [{ hotkey, status }] = succeeded(reply, 'List hotkey status successfully.');
  assert.equal(hotkey, entry.hotkey);
  return status;
}

export async function pauseAndOn(stage, entry, allocation) {
  const { api } = stage;
  assert.equal(await statusOf(stage, entry), 'Docker ONLINE');
  succeeded(await api.act('pause_docker', allocation), 'Resource paused successfully.');
  assert.equal((await stage.api.allocations())[0].state, 'paused');
  assert.equal(await bannerOf(allocation, 1500), '', 'a paused container accepts and is silent');
  refused(await stage.request(entry), 404, 'Fail to allocate resource', 'Requested resource is not available.');
  succeeded(await api.act('unpause_docker', allocation), 'Resource unpaused successfully.');
  await stage.works(allocation);
}

export async function restart(stage, allocation) {
  const { renter, key } = stage;
  const leave = 'echo kept >/root/mark; touch /dev/shm/gone; echo ok';
  const mark = await renter.byKey(allocation, key, leave, { known: true });
  assert.equal(mark.stdout, 'ok\n', mark.stderr);
  succeeded(await stage.api.act('restart_docker', allocation), 'Resource restarted successfully.');
  const after = await renter.byKey(allocation, key, 'cat /root/mark; ls /dev/shm', { known: true });
  assert.equal(after.stdout, 'kept\n', `files stay, the host key too, memory does not: ${after.stderr}`);
  await stage.works(allocation);
}

export async function exchangeKeys(stage, allocation) {
  const { api, renter } = stage;
  const opens = async (key) => (await renter.byKey(allocation, key, 'true', { known: true })).code === 0;
  const [second, terminal] = [await makeKey(stage.dir, 'second'), await makeKey(stage.dir, 'terminal')];
  const exchange = async (line, type) =>
    succeeded(
      await api.act('exchange_docker_key', allocation, { ssh_key: line, key_type: type }),
      'Resource ssh_key is exchanged successfully.',
    );
  await exchange(second.line, 'user');
  assert.deepEqual([await opens(stage.key), await opens(second)], [false, true], 'the new key instead of the old one');
  assert.equal((await api.allocations())[0].ssh_key, second.line);
  await exchange(terminal.line, 'terminal');
  assert.deepEqual([await opens(second), await opens(terminal)], [true, true], 'the terminal has a key of its own');
  await exchange(stage.key.line, 'user');
  assert.deepEqual(
    [await opens(stage.key), await opens(second), await opens(terminal)],
    [true, false, true],
    'the user key alone is replaced',
  );
}

export async function deallocate(stage, entry, allocation) {
  const [container] = await engine.containersOf(entry.hotkey);
  const { api } = stage;
  const wrong = { ...allocation, uuid_key: '00000000-0000-4000-8000-000000000000' };
  refused(await api.deallocate(wrong), 400, 'Deallocation not successfully, please try again.', 'Invalid UUID key');
  assert.ok(await engine.exists(container.Id));
  succeeded(await api.deallocate(allocation), 'Resource deallocated successfully.');
  assert.equal(await engine.exists(container.Id), false);
  assert.equal(await bannerOf(allocation), undefined, 'nothing listens on its port');
  assert.equal(await statusOf(stage, entry), 'Docker OFFLINE');
  assert.deepEqual(await api.allocations(), []);
  await stage.slotIs(entry, 'available');
  await until('the miner forgets it', async () => (await engine.containersOf(entry.hotkey)).length === 0);
}
