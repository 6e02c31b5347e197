// TLS of the daemon, against node's own TLS: what is spoken, whose certificates count, what hostile peers can do.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import https from 'node:https';
import net from 'node:net';
import { after, test } from 'node:test';
import tls from 'node:tls';
import { Certs } from '../lib/certs.mjs';
import { runToEnd } from '../lib/loded.mjs';
import { succeeded } from '../lib/replies.mjs';
import { soon, until } from '../lib/wait.mjs';
import { inWorld, withWorld } from '../lib/world.mjs';

const certs = new Certs();
const strangers = new Certs();
after(() => {
  certs.remove();
  strangers.remove();
});

const where = (world) => {
  const { hostname, port } = new URL(world.loded.url);
  return { host: hostname, port: Number(port) };
};

/** A finished handshake, or the error. With TLS 1.3 a client learns only by reading that its certificate was refused. */
async function handshake(world, options = {}) {
  const socket = tls.connect({ ...where(world), ...certs.client(), ALPNProtocols: ['http/1.1'], ...options });
  try {
    await soon('a handshake', once(socket, 'secureConnect'));
    socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    const [first] = await soon('an answer', Promise.race([once(socket, 'data'), once(socket, 'close')]));
    if (first === false) throw new Error('closed without an answer');
    return {
      answer: String(first),
      protocol: socket.getProtocol(),
      alpn: socket.alpnProtocol,
      cipher: socket.getCipher().name,
      peer: socket.getPeerCertificate(),
    };
  } finally {
    socket.on('error', () => {});
    socket.destroy();
  }
}
const served = async (world, options) => assert.match((await handshake(world, options)).answer, /^HTTP\/1\.1 200 /);
const refused = (world, options, why) => assert.rejects(handshake(world, options), why);

withWorld('TLS 1.2 and 1.3 with forward secrecy and HTTP/1.1, and nothing older', { settings: certs.settings(), tls: certs.client() },
  async (world) => {
    assert.match(world.loded.stdout, /^listening on https:\/\/127\.0\.0\.1:\d+\n/m);
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      const done = await handshake(world, { minVersion: version, maxVersion: version });
      assert.equal(done.protocol, version);
      assert.equal(done.alpn, 'http/1.1');
      assert.match(done.answer, /^HTTP\/1\.1 200 /);
      assert.match(done.cipher, version === 'TLSv1.2' ? /^ECDHE-.*(GCM|CHACHA20)/ : /^TLS_/);
    }
    const old = { minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' };
    await refused(world, { ...old, maxVersion: 'TLSv1.1' }, { code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
    await refused(world, { ...old, maxVersion: 'TLSv1' }, { code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
    await refused(world, { maxVersion: 'TLSv1.2', ciphers: 'AES256-GCM-SHA384:AES128-SHA' }, /handshake failure/);
    await refused(world, { ALPNProtocols: ['h2'] }, /no application protocol/);
    await served(world, { ALPNProtocols: undefined });
    await refused(world, { ca: strangers.read('ca.crt') }, /unable to verify|self.signed|signature/i);
    await served(world);
  });

withWorld('the whole API over TLS, many requests on one connection', { miners: 1, settings: certs.settings(), tls: certs.client() },
  async (world) => {
    const { api } = world;
    const rented = succeeded(await api.allocateSpec(), 'Resource was successfully allocated');
    assert.equal((await api.allocations()).length, 1);
    assert.equal((await api.deallocate(rented)).status, 200);
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ...certs.client() });
    const ports = new Set();
    for (let i = 0; i < 20; ++i) {
      const body = i % 2 ? JSON.stringify({ requirements: {}, pad: 'x'.repeat(300_000) }) : undefined;
      const request = https.request(new URL(body ? '/list/allocations_sql' : '/readyz', world.loded.url),
        { agent, method: body ? 'POST' : 'GET' });
      request.end(body);
      const [response] = await once(request, 'response');
      ports.add(response.socket.localPort);
      for await (const _ of response) assert.ok(_.length > 0);
      assert.ok([200, 404].includes(response.statusCode));
    }
    assert.equal(ports.size, 1, 'one connection');
    agent.destroy();
  });

withWorld('client certificates off: nobody is asked for one', { settings: certs.settings(), tls: certs.client() },
  async (world) => {
    await served(world);
    await served(world, certs.client('client'));
    await served(world, { ...strangers.client('client'), ca: certs.read('ca.crt') });
  });

withWorld('client certificates optional: none is fine, one of a stranger is not', { settings: certs.settings('optional'), tls: certs.client() },
  async (world) => {
    await served(world);
    await served(world, certs.client('client'));
    for (const version of ['TLSv1.2', 'TLSv1.3'])
      await refused(world, { ...strangers.client('client'), ca: certs.read('ca.crt'), minVersion: version, maxVersion: version },
        /unknown ca|ECONNRESET|closed/i);
    await served(world);
  });

withWorld('client certificates required: none and one of a stranger are refused', { settings: certs.settings('required'), tls: certs.client('client') },
  async (world) => {
    await served(world, certs.client('client'));
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      const only = { minVersion: version, maxVersion: version };
      await served(world, { ...certs.client('client'), ...only });
      await refused(world, only, /certificate required|handshake failure|ECONNRESET|closed/i);
      await refused(world, { ...strangers.client('client'), ca: certs.read('ca.crt'), ...only }, /unknown ca|ECONNRESET|closed/i);
      // The server's own certificate is not one for clients.
      await refused(world, { ...certs.client(), cert: certs.read('server.crt'), key: certs.read('server.key'), ...only },
        /unsupported certificate|ECONNRESET|closed/i);
    }
    certs.makeLongAgo('--client', 'late');
    await refused(world, certs.client('late'), /certificate expired|ECONNRESET|closed/i);
    // A client can resume its session.
    let session;
    const first = tls.connect({ ...where(world), ...certs.client('client') });
    first.on('session', (s) => (session = s));
    await once(first, 'secureConnect');
    first.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(first, 'data');
    await until('a session ticket', () => session);
    first.destroy();
    await served(world, { ...certs.client('client'), session });
  });

withWorld('required client certificates protect a port that others reach',
  { settings: { ...certs.settings('required'), 'http.listen': '0.0.0.0:0' },
    tls: { ...certs.client('client'), checkServerIdentity: () => undefined } },
  async (world) => {
    assert.match(world.loded.url, /^https:\/\/0\.0\.0\.0:/);
  });

withWorld('who does not finish the handshake is let go and harms nobody',
  { settings: { ...certs.settings(), 'http.header-timeout-ms': 1000, 'http.max-connections': 400 }, tls: certs.client() },
  async (world) => {
    const sockets = [];
    const closed = [];
    const open = async (bytes) => {
      const socket = net.connect(where(world));
      socket.on('error', () => {});
      sockets.push(socket);
      closed.push(once(socket, 'close'));
      await once(socket, 'connect');
      if (bytes) socket.write(bytes);
      socket.resume();
    };
    try {
      for (let i = 0; i < 100; ++i) {
        await open();
        await open(Buffer.from('160301020001', 'hex')); // the beginning of a ClientHello
        await open('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
      }
      const began = Date.now();
      for (let i = 0; i < 20; ++i) assert.equal((await world.api.get('/healthz')).status, 200);
      await served(world);
      assert.ok(Date.now() - began < 2000, 'the others are served meanwhile');
      await soon('all are let go', Promise.all(closed), 10_000);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
    assert.ok(world.loded.lines().some(({ level, message, msg }) => level === 'debug' && /TLS handshake/.test(message ?? msg)));
    assert.ok(!world.loded.lines().some(({ level }) => ['error', 'critical'].includes(level)));
  });

withWorld('a client that says it sends no more still gets its answer, and a proper end',
  { settings: certs.settings(), tls: certs.client() },
  async (world) => {
    const socket = tls.connect({ ...where(world), ...certs.client(), allowHalfOpen: true });
    await once(socket, 'secureConnect');
    socket.end('POST /list/allocations_sql HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n');
    let text = '';
    socket.on('data', (chunk) => (text += chunk));
    await soon('the end', once(socket, 'end'));
    assert.match(text, /^HTTP\/1\.1 404 [^]*No allocated resources found/);
    const closing = tls.connect({ ...where(world), ...certs.client() });
    await once(closing, 'secureConnect');
    closing.write('GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    closing.resume();
    await soon('the end', once(closing, 'end'));
    // Too large, while the client still sends: it reads the 413 all the same.
    const big = tls.connect({ ...where(world), ...certs.client() });
    big.on('error', () => {});
    let answer = '';
    big.on('data', (chunk) => (answer += chunk));
    await once(big, 'secureConnect');
    big.write(`POST /list/specs HTTP/1.1\r\nhost: x\r\ncontent-length: ${8 << 20}\r\n\r\n`);
    big.write(Buffer.alloc(100_000, 32));
    await soon('the end', once(big, 'close'));
    assert.match(answer, /^HTTP\/1\.1 413 /);
  });

test('what is wrong with certificates is said at the start and by --check-config, with the setting and what to do', async () => {
  const broken = new Certs();
  try {
    await fs.writeFile(broken.file('none.pem'), 'nothing\n', { mode: 0o600 });
    await fs.copyFile(broken.file('server.key'), broken.file('open.key'));
    await fs.chmod(broken.file('open.key'), 0o644);
    const ok = { ...broken.settings('required') };
    const cases = [
      [{ 'tls.key-file': '' }, /tls\.key-file is not set.*make-certs/],
      [{ 'tls.cert-file': '', 'tls.client-certificates': 'off', 'tls.client-ca-file': '' }, /tls\.cert-file is not set/],
      [{ 'tls.cert-file': broken.file('missing') }, /tls\.cert-file: cannot read .*missing: No such file/],
      [{ 'tls.cert-file': broken.file('none.pem') }, /tls\.cert-file: .*none\.pem holds no certificate/],
      [{ 'tls.key-file': broken.file('none.pem') }, /tls\.key-file: .*none\.pem holds no private key/],
      [{ 'tls.key-file': broken.file('open.key') }, /tls\.key-file: .*open\.key is open to others \(mode 0644\): chmod 600/],
      [{ 'tls.key-file': broken.file('client.key') }, /tls\.key-file: .*client\.key is not the key of the certificate/],
      [{ 'tls.client-ca-file': '' }, /tls\.client-ca-file is not set/],
      [{ 'tls.client-ca-file': broken.file('none.pem') }, /tls\.client-ca-file: .*holds no certificate/],
      [{ 'tls.client-certificates': 'off' }, /tls\.client-ca-file is set, but tls\.client-certificates is off/],
      [{ 'tls.client-certificates': 'perhaps' }, /expected one of off, optional, required/],
    ];
    const flags = (settings) => Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
    const common = ['--http.listen=127.0.0.1:0', `--storage.path=${broken.file('data')}`];
    const good = await runToEnd([...common, ...flags(ok), '--check-config']);
    assert.deepEqual([good.code, good.stdout], [0, 'configuration ok\n'], good.stderr);
    for (const [change, expected] of cases)
      for (const more of [[], ['--check-config']]) {
        const end = await runToEnd([...common, ...flags({ ...ok, ...change }), ...more]);
        assert.equal(end.code, 2, `${JSON.stringify(change)} ${end.stderr}`);
        assert.match(end.stderr, expected);
      }
  } finally {
    broken.remove();
  }
});

test('a certificate that has expired is warned of, by --check-config too, and still served', async () => {
  const old = new Certs();
  try {
    await fs.rm(old.file('server.crt'));
    old.makeLongAgo();
    const flags = Object.entries(old.settings()).map(([name, value]) => `--${name}=${value}`);
    const { code, stdout, stderr } = await runToEnd([...flags, '--check-config']);
    assert.deepEqual([code, stdout], [0, 'configuration ok\n']);
    assert.match(stderr, /"warning".*tls\.cert-file: the certificate in .* has expired/);
    await inWorld({ settings: old.settings(), tls: { ...old.client(), rejectUnauthorized: false } }, async (world) => {
      assert.ok(world.loded.lines().some(({ level, msg }) => level === 'warning' && /has expired/.test(msg)));
      assert.equal((await world.api.get('/healthz')).status, 200);
    });
  } finally {
    old.remove();
  }
});

test('make-certs: closed files, a second run changes nothing and adds what is missing', async () => {
  const made = new Certs();
  try {
    const files = async () => Object.fromEntries(await Promise.all((await fs.readdir(made.dir)).map(async (name) =>
      [name, (await fs.readFile(made.file(name))).toString()])));
    const first = await files();
    assert.deepEqual(Object.keys(first).sort(),
      ['ca.crt', 'ca.key', 'client.crt', 'client.key', 'server.crt', 'server.key']);
    for (const name of Object.keys(first)) assert.equal((await fs.stat(made.file(name))).mode & 0o777, 0o600, name);
    assert.equal(made.make(), '');
    assert.deepEqual(await files(), first);
    made.make('--client', 'alice', '--client', 'bob');
    const later = await files();
    assert.ok(later['alice.crt'] && later['bob.key']);
    assert.deepEqual({ ...later, ...first }, later);
    await fs.rm(made.file('server.crt'));
    made.make('--host', 'rent.example.org', '--host', '192.0.2.7');
    const { subjectAltName, subject, ca } = new X509Certificate(made.read('server.crt'));
    assert.match(subjectAltName, /DNS:localhost, IP Address:127\.0\.0\.1, .*DNS:rent\.example\.org, IP Address:192\.0\.2\.7/);
    assert.equal(subject, 'CN=rent.example.org');
    assert.equal(ca, false);
    for (const bad of [['--client', '../x'], ['--client', 'ca'], ['--host', 'a b'], ['--host', 'a,IP:1.2.3.4'], ['--days', '0'], ['--what'], ['two']])
      assert.throws(() => made.make(...bad), /make-certs: /, bad.join(' '));
    assert.match(made.make('--help'), /^Makes a private certificate authority/);
  } finally {
    made.remove();
  }
});
