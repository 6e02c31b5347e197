// A user of `lode` with a home folder of their own. The program is the one that the environment variable LODE names.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { soon } from './wait.mjs';

export const program = process.env.LODE;
if (!program) throw new Error('LODE must name the command line to test');

const quoted = (word) => `'${word.replaceAll("'", `'\\''`)}'`;

export class Cli {
  static async create(server) {
    const cli = new Cli();
    cli.home = await fs.mkdtemp(path.join(os.tmpdir(), 'lode-home-'));
    cli.server = server;
    return cli;
  }

  #environment(extra) {
    const { PATH } = process.env;
    const server = this.server ? { LODE_SERVER: this.server } : {};
    return { PATH, HOME: this.home, LC_ALL: 'C.UTF-8', TERM: 'xterm', ...server, ...extra };
  }

  /** A child that is not waited for; `child.said` has what it said. An `input` of null leaves its standard input open. */
  start(args, { env = {}, input, command = [program, ...args] } = {}) {
    const child = spawn(command[0], command.slice(1), { env: this.#environment(env), stdio: ['pipe', 'pipe', 'pipe'] });
    child.said = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => (child.said.stdout += chunk));
    child.stderr.on('data', (chunk) => (child.said.stderr += chunk));
    child.stdin.on('error', () => {}); // it need not read
    if (input !== null) child.stdin.end(input);
    child.ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...child.said }));
    return child;
  }

  /** Runs to the end: {code, signal, stdout, stderr}. */
  async run(args, options = {}) {
    const child = this.start(args, options);
    try {
      return await soon(`lode ${args.join(' ')}`, child.ended, options.within ?? 30_000);
    } finally {
      child.kill('SIGKILL');
    }
  }

  /** What runs a command at a terminal of `columns`. */
  terminal(args, columns = 100) {
    return ['script', '-qec', `stty cols ${columns}; exec ${[program, ...args].map(quoted).join(' ')}`, '/dev/null'];
  }

  /** At a terminal of `columns`: all output together, as it is shown. */
  async atTerminal(args, { columns = 100, env = {}, ...rest } = {}) {
    const { code, stdout } = await this.run(args, { command: this.terminal(args, columns), env, ...rest });
    return { code, shown: stdout.replaceAll('\r\n', '\n') };
  }

  /** The lines of a table, each as a list of cells, without the titles. */
  async rows(args) {
    const { code, stdout, stderr } = await this.run(args);
    if (code !== 0) throw new Error(`lode ${args.join(' ')}: ${code}\n${stderr}`);
    return stdout
      .split('\n')
      .slice(1, -1)
      .map((line) => line.split('\t'));
  }
  /** The pairs that a command shows, as an object. */
  async pairs(args) {
    const { code, stdout, stderr } = await this.run(args);
    if (code !== 0) throw new Error(`lode ${args.join(' ')}: ${code}\n${stderr}`);
    return Object.fromEntries(stdout.trimEnd().split('\n').map((line) => line.split('\t')));
  }
  async json(args) {
    const { code, stdout, stderr } = await this.run([...args, '-o', 'json']);
    if (code !== 0) throw new Error(`lode ${args.join(' ')}: ${code}\n${stderr}`);
    return JSON.parse(stdout);
  }

  /** The local state of the server in force. */
  async stateFile() {
    const folder = path.join(this.home, '.local/state/lode');
    const name = (await fs.readdir(folder)).find((file) => file.endsWith('.json'));
    return path.join(folder, name);
  }
  async state() {
    return JSON.parse(await fs.readFile(await this.stateFile(), 'utf8'));
  }

  async destroy() {
    await fs.rm(this.home, { recursive: true, force: true });
  }
}

/** Runs body(cli) with a fresh home. */
export async function asUser(server, body) {
  const cli = await Cli.create(server);
  try {
    return await body(cli);
  } finally {
    await cli.destroy();
  }
}
