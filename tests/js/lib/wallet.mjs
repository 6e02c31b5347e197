// Hotkey files in the form in which bittensor keeps them.
import crypto from 'node:crypto';
import fs from 'node:fs/promises';
import { ss58Decode } from '../ss58.mjs';
import { hotkeyFrom } from '../synapse.mjs';

/** Writes a fresh hotkey: {address, file, mini}. */
export async function writeWallet(file) {
  const mini = crypto.randomBytes(32);
  const { address } = hotkeyFrom(new Uint8Array(mini));
  const publicKey = `0x${Buffer.from(ss58Decode(address)).toString('hex')}`;
  const secretSeed = `0x${mini.toString('hex')}`;
  const content = { accountId: publicKey, publicKey, secretSeed, ss58Address: address };
  await fs.writeFile(file, JSON.stringify(content), { mode: 0o600 });
  return { address, file, mini };
}
