// A renter at a terminal: OpenSSH's own client, with a key or a password.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';

async function run(command, args, { env = {}, within = 60_000 } = {}) {
  const child = spawn(command, args, {
    env: { ...process.env, LC_ALL: 'C', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: within,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

/** A fresh key pair in `folder`: {file, line}. */
export async function makeKey(folder, name) {
  const file = path.join(folder, name);
  const made = await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file]);
  if (made.code !== 0) throw new Error(made.stderr);
  return { file, line: (await fs.readFile(`${file}.pub`, 'utf8')).trim() };
}

/** Has a list of known hosts per allocation: the first connection fills it, later ones must find the same host key. */
export class Renter {
  #folder;
  constructor(folder) {
    this.#folder = folder;
  }
  hostsOf({ uuid_key: uuid }) {
    return path.join(this.#folder, `known_hosts-${uuid}`);
  }

  #options(allocation, known) {
    const { ssh_port: port, ssh_ip: ip, ssh_username: user } = allocation;
    const checking = known ? 'yes' : 'accept-new';
    const options = ['-F', '/dev/null', '-n', '-T', '-p', String(port)];
    for (const option of [
      `UserKnownHostsFile=${this.hostsOf(allocation)}`,
      `StrictHostKeyChecking=${checking}`,
      'GlobalKnownHostsFile=/dev/null',
      'IdentityAgent=none',
      'ConnectTimeout=15',
      'NumberOfPasswordPrompts=1',
      'LogLevel=ERROR',
    ])
      options.push('-o', option);
    return [options, `${user}@${ip}`];
  }

  /** {code, stdout, stderr} of `command`, or 255 when it does not let us in. `known`: the host key must be known. */
  byKey(allocation, key, command, { known = false } = {}) {
    const [options, to] = this.#options(allocation, known);
    const only = ['-i', key.file, '-o', 'IdentitiesOnly=yes', '-o', 'PreferredAuthentications=publickey'];
    return run('ssh', [...options, ...only, '-o', 'BatchMode=yes', to, command]);
  }

  byPassword(allocation, password, command, { known = false } = {}) {
    const [options, to] = this.#options(allocation, known);
    const only = ['-o', 'PubkeyAuthentication=no', '-o', 'PreferredAuthentications=password'];
    return run('sshpass', ['-e', 'ssh', ...options, ...only, to, command], { env: { SSHPASS: password } });
  }
}

/** The first bytes that the port says within `within` ms: '' for silence, undefined when nothing listens. */
export function bannerOf({ ssh_ip: host, ssh_port: port }, within = 5000) {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port });
    const end = (value) => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(within, () => end(''));
    socket.on('data', (chunk) => end(chunk.toString('latin1').trim()));
    socket.on('error', () => end(undefined));
    socket.on('close', () => end(undefined));
  });
}
