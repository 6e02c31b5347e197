// SS58 addresses of format 42, independent of Lode's own.
import crypto from 'node:crypto';

const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

const checksum = (body) => crypto.createHash('blake2b512').update('SS58PRE').update(body).digest().subarray(0, 2);

export function ss58Encode(publicKey) {
  const body = Buffer.concat([Buffer.from([42]), publicKey]);
  let number = BigInt('0x' + Buffer.concat([body, checksum(body)]).toString('hex'));
  let text = '';
  for (; number > 0n; number /= 58n) text = alphabet[Number(number % 58n)] + text;
  return text;
}

/** Throws for anything that is not an address of format 42. */
export function ss58Decode(address) {
  let number = 0n;
  for (const c of address) {
    const digit = alphabet.indexOf(c);
    if (digit < 0) throw new Error('not base58');
    number = number * 58n + BigInt(digit);
  }
  const raw = Buffer.from(number.toString(16).padStart(70, '0'), 'hex');
  if (raw.length !== 35 || raw[0] !== 42) throw new Error('not an address of format 42');
  if (!checksum(raw.subarray(0, 33)).equals(raw.subarray(33))) throw new Error('wrong checksum');
  return Uint8Array.from(raw.subarray(1, 33));
}
