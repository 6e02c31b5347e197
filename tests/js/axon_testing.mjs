// What the stand-in's tests share: keys, and an axon of its own for each test.
import crypto from 'node:crypto';
import { test } from 'node:test';
import { startAxon } from './axon.mjs';
import { Client } from './axon_client.mjs';

export const spki = { type: 'spki', format: 'pem' };
const rsa = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
export const pem = rsa.publicKey.export(spki);
export const otherPem = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export(spki);
const oaep = { padding: crypto.constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
export const decrypt = (info) =>
  JSON.parse(crypto.privateDecrypt({ key: rsa.privateKey, ...oaep }, Buffer.from(info, 'base64')));

/** A test with an axon of its own and a client. */
export const withAxon = (name, options, body) =>
  test(name, async () => {
    const axon = await startAxon(options);
    try {
      await body(axon, new Client());
    } finally {
      await axon.close();
    }
  });
