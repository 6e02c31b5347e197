// A receiver of webhooks: a real HTTP or HTTPS server that keeps what it gets and answers as the test says.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import fs from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Answers, as habits of a receiver: (request, response) => void. */
export const answers = {
  status: (code, headers = {}) => (request, response) => response.writeHead(code, headers).end('{}'),
  ok: (request, response) => response.writeHead(200).end('{"thanks":true}'),
  /** Reads the request and says nothing. */
  silence: () => {},
  /** Closes without a byte of an answer. */
  hangUp: (request) => request.socket.destroy(),
  /** Promises 100 bytes of a 200 and closes after 4. */
  cutOff: (request, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('half', () => request.socket.destroy());
  },
};

export class Receiver {
  #server;
  #port = 0;
  #tls;
  #sockets = new Set();

  /** @param tls options of https.createServer; undefined for plain HTTP */
  constructor({ tls } = {}) {
    this.#tls = tls;
    /** Every attempt that arrived whole: {path, headers, text, json, at, servername, client, answered}. */
    this.attempts = [];
    this.habit = answers.ok;
    /** Connections that were made, whatever came of them. */
    this.connections = 0;
  }

  static async open(options) {
    const receiver = new Receiver(options);
    await receiver.open();
    return receiver;
  }

  /** Listens (again, at the same port). */
  async open() {
    const serve = (request, response) => this.#serve(request, response);
    this.#server = this.#tls ? https.createServer(this.#tls, serve) : http.createServer(serve);
    this.#server.on('connection', (socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on('error', () => {}); // the habit may have closed it
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('tlsClientError', () => {}); // seen by the daemon, which the test asks
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = this.#server.address().port;
  }

  url(path = '/', host = '127.0.0.1') {
    return `${this.#tls ? 'https' : 'http'}://${host}:${this.#port}${path}`;
  }

  #serve(request, response) {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('error', () => {});
    response.on('error', () => {});
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const attempt = {
        path: request.url,
        headers: request.headers,
        text,
        json: JSON.parse(text),
        at: Date.now(),
        servername: request.socket.servername,
        client: request.socket.getPeerCertificate?.()?.subject?.CN,
      };
      this.attempts.push(attempt);
      response.on('finish', () => (attempt.answered = response.statusCode));
      this.habit(request, response, attempt);
    });
  }

  /** What was answered with 200 or 201, as {status, hotkey, uuid, ...} in the order of arrival. */
  get kept() {
    return this.attempts.filter((a) => a.answered === 200 || a.answered === 201).map((a) => a.json);
  }

  async close() {
    if (!this.#server) return;
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  }
}

/** A private authority in `dir`: {file, issue(name, subjectAltName) -> {key, cert, keyFile, certFile}}. */
export async function authority(dir, name = 'ca') {
  const at = (file) => path.join(dir, file);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await run('openssl', ['req', '-x509', ...key, '-keyout', at(`${name}.key`), '-out', at(`${name}.pem`), '-days', '2',
    '-subj', `/CN=${name}`, '-addext', 'keyUsage=critical,keyCertSign']);
  return {
    file: at(`${name}.pem`),
    async issue(who, names) {
      const keyFile = at(`${name}-${who}.key`);
      const certFile = at(`${name}-${who}.pem`);
      await run('openssl', ['req', '-x509', ...key, '-CA', at(`${name}.pem`), '-CAkey', at(`${name}.key`),
        '-keyout', keyFile, '-out', certFile, '-days', '2', '-subj', `/CN=${who}`,
        '-addext', `subjectAltName=${names}`, '-addext', 'basicConstraints=critical,CA:FALSE']);
      return { keyFile, certFile, key: await fs.readFile(keyFile), cert: await fs.readFile(certFile) };
    },
  };
}
