// crypto/ of Lode (through crypto_tool) against @scure/sr25519 and node's own RSA and X25519.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import { test } from 'node:test';
import * as sr25519 from '@scure/sr25519';
import { ss58Decode, ss58Encode } from './ss58.mjs';

const toolPath = process.env.LODE_CRYPTO_TOOL;
assert.ok(toolPath, 'LODE_CRYPTO_TOOL names the crypto_tool program');

const tool = (...args) => execFileSync(toolPath, args, { encoding: 'utf8' }).trim();
const hex = (bytes) => Buffer.from(bytes).toString('hex');
const unhex = (text) => Uint8Array.from(Buffer.from(text, 'hex'));
const random = (n) => new Uint8Array(crypto.randomBytes(n));

// Lengths on both sides of a STROBE block of 166 bytes, and the empty message.
const cases = Array.from({ length: 50 }, (_, i) => {
  const mini = random(32);
  return { mini, secret: sr25519.secretFromSeed(mini), message: random(i === 0 ? 0 : crypto.randomInt(1, 600)) };
});

test('both derive the same public key and address', () => {
  for (const { mini, secret } of cases.slice(0, 10)) {
    const pub = sr25519.getPublicKey(secret);
    assert.equal(tool('keypair', hex(mini)), hex(pub));
    assert.equal(tool('ss58', hex(pub)), ss58Encode(pub));
    assert.equal(tool('unss58', ss58Encode(pub)), hex(pub));
    assert.deepEqual(ss58Decode(ss58Encode(pub)), pub);
  }
});

test('@scure/sr25519 verifies what Lode signs', () => {
  for (const { mini, secret, message } of cases) {
    const pub = sr25519.getPublicKey(secret);
    const signature = unhex(tool('sign', hex(mini), hex(message)));
    assert.ok(sr25519.verify(message, signature, pub), hex(message));
    const other = Uint8Array.from([...message, 0]);
    assert.ok(!sr25519.verify(other, signature, pub), 'and not for another message');
  }
});

test('Lode verifies what @scure/sr25519 signs', () => {
  for (const { secret, message } of cases) {
    const pub = hex(sr25519.getPublicKey(secret));
    const signature = sr25519.sign(secret, message);
    assert.equal(tool('verify', pub, hex(message), hex(signature)), 'true');
    const changed = Uint8Array.from(signature);
    changed[crypto.randomInt(64)] ^= 1 << crypto.randomInt(8);
    assert.equal(tool('verify', pub, hex(message), hex(changed)), 'false', hex(changed));
  }
});

const oaep = { padding: crypto.constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
const plain = '{"username":"root","password":"abcdefghij","port":4444,"version":183}';

test('node decrypts what Lode encrypts by RSA-OAEP, and the other way round', () => {
  const { publicKey, privateKey } = crypto.generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const fromLode = Buffer.from(tool('encrypt', hex(Buffer.from(publicKey)), hex(Buffer.from(plain))), 'base64');
  assert.equal(crypto.privateDecrypt({ key: privateKey, ...oaep }, fromLode).toString(), plain);
  const fromNode = crypto.publicEncrypt({ key: publicKey, ...oaep }, Buffer.from(plain)).toString('base64');
  assert.equal(Buffer.from(tool('decrypt', hex(Buffer.from(privateKey)), fromNode), 'hex').toString(), plain);
});

for (const kind of ['rsa2048', 'x25519']) {
  test(`node reads the ${kind} keys that Lode writes, and the other way round`, () => {
    const pems = tool('newkey', kind);
    const split = pems.indexOf('-----BEGIN PUBLIC KEY-----');
    const privateKey = crypto.createPrivateKey(pems.slice(0, split));
    const publicKey = crypto.createPublicKey(pems.slice(split));
    const type = kind === 'x25519' ? 'x25519' : 'rsa';
    assert.equal(privateKey.asymmetricKeyType, type);
    const spki = { type: 'spki', format: 'pem' };
    assert.equal(publicKey.export(spki), crypto.createPublicKey(privateKey).export(spki), 'the halves belong together');
    const theirs = crypto.generateKeyPairSync(type, { modulusLength: 2048 }).publicKey.export(spki);
    assert.equal(tool('kind', hex(Buffer.from(theirs))), kind);
  });
}

test('Lode refuses a key of another kind with a reason', () => {
  const { publicKey } = crypto.generateKeyPairSync('ed25519');
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  const said = spawnSync(toolPath, ['kind', hex(Buffer.from(pem))], { encoding: 'utf8' });
  assert.equal(said.status, 1);
  assert.match(said.stderr, /key_invalid: the key is neither RSA nor X25519/);
});
