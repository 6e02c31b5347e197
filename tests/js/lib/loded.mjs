// The real daemon as a child process. The program is the one that the environment variable LODED names.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { soon } from './wait.mjs';

export const program = process.env.LODED;
if (!program) throw new Error('LODED must name the daemon to test');

/** Ours, without what would change the daemon's settings behind a test's back. */
const environment = () =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^LODE_|^WHITELISTED_IPS$|_NOTIFY_URL$|^WANDB_|^NODE_/.test(name),
    ),
  );

/** A setting that is a list becomes one flag per element. */
const flagsOf = (settings) =>
  Object.entries(settings).flatMap(([name, value]) => [value].flat().map((one) => `--${name}=${one}`));

/** Runs the daemon to its end: {code, signal, stdout, stderr}. */
export async function runToEnd(args, { env = {}, within = 30_000 } = {}) {
  const child = spawn(program, args, { env: { ...environment(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const out = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (out.stdout += chunk));
  child.stderr.on('data', (chunk) => (out.stderr += chunk));
  try {
    const [code, signal] = await soon(`loded ${args.join(' ')}`, once(child, 'close'), within);
    return { code, signal, ...out };
  } finally {
    child.kill('SIGKILL');
  }
}

export class Loded {
  #child;
  #ended;

  /** @param file another program of the project that says `listening on` when it is ready */
  constructor(settings, file = program) {
    this.settings = settings;
    this.file = file;
    /** More of its environment, for the next start. */
    this.env = {};
    this.name = path.basename(file);
    /** Everything that was said, by all runs. */
    this.stdout = '';
    this.stderr = '';
    /** In words. */
    this.state = 'was not started';
  }

  get running() {
    return this.#child !== undefined;
  }
  get pid() {
    return this.#child?.pid;
  }

  /** Returns the base URL once the daemon says that it listens. */
  async start() {
    if (this.#child) throw new Error('it runs already');
    const child = spawn(this.file, flagsOf(this.settings), {
      env: { ...environment(), ...this.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.state = `runs as ${child.pid}`;
    let out = '';
    child.stderr.on('data', (chunk) => (this.stderr += chunk));
    this.#ended = once(child, 'close').then(([code, signal]) => {
      this.#child = undefined;
      this.state = `ended with ${signal ?? code}`;
      return { code, signal };
    });
    const listening = new Promise((resolve) => {
      child.stdout.on('data', (chunk) => {
        this.stdout += chunk;
        out += chunk;
        const found = /^listening on (https?:\/\/\S+)\n/m.exec(out);
        if (found) resolve(found[1]);
      });
    });
    const early = this.#ended.then(({ code, signal }) => {
      throw new Error(`${this.name} ended with ${signal ?? code} before it listened:\n${this.stderr}`);
    });
    early.catch(() => {}); // it ends later, when nobody waits for it here
    this.url = await soon(`${this.name} listens`, Promise.race([listening, early]), 30_000);
    return this.url;
  }

  /** Nobody reads the log any more: its next record meets a broken pipe. */
  closeLog() {
    this.#child.stderr.destroy();
  }

  /** Sends the signal and returns how the daemon ended: {code, signal}. */
  end(signal, within = 30_000) {
    this.signal(signal);
    return this.ended(within);
  }
  signal(signal) {
    this.#child.kill(signal);
  }
  ended(within = 30_000) {
    return soon(`${this.name} ends`, this.#ended, within);
  }

  /** For the end of a test, whatever happened in it. */
  async destroy() {
    if (!this.#child) return;
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** The log's lines as objects; a line that is no JSON is an error. */
  lines() {
    return this.stderr
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        try {
          return JSON.parse(line);
        } catch {
          throw new Error(`not a JSON line of log: ${line}`);
        }
      });
  }
}
