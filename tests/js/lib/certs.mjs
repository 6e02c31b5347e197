// Certificates from scripts/make-certs, in a folder of their own.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../../scripts/make-certs', import.meta.url));

export class Certs {
  constructor() {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lode-certs-'));
    this.make();
  }
  /** Runs the script (again). */
  make(...args) {
    return execFileSync(script, [this.dir, ...args], { encoding: 'utf8' });
  }
  /** The same two years ago, for a month: what it makes has expired. */
  makeLongAgo(...args) {
    return execFileSync('faketime', ['2 years ago', script, this.dir, '--days', '30', ...args], { encoding: 'utf8' });
  }
  file(name) {
    return path.join(this.dir, name);
  }
  read(name) {
    return fs.readFileSync(this.file(name));
  }
  /** The daemon's settings. */
  settings(clients = 'off') {
    return {
      'tls.cert-file': this.file('server.crt'),
      'tls.key-file': this.file('server.key'),
      ...(clients === 'off' ? {} : { 'tls.client-ca-file': this.file('ca.crt') }),
      'tls.client-certificates': clients,
    };
  }
  /** What a client passes to tls.connect; with a certificate of its own when it is named. */
  client(name) {
    const own = name ? { cert: this.read(`${name}.crt`), key: this.read(`${name}.key`) } : {};
    return { ca: this.read('ca.crt'), ...own };
  }
  remove() {
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}
