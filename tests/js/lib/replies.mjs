// The envelopes of the REST contract, and input to provoke them.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function isEnveloped(reply, status) {
  assert.equal(reply.status, status, reply.text);
  assert.match(reply.headers['content-type'], /^application\/json\b/);
  assert.ok(reply.headers['x-request-id']?.length > 0, 'a reply without x-request-id');
  assert.equal(typeof reply.json, 'object', `not JSON: ${reply.text}`);
}

/** A success; returns its data. */
export function succeeded(reply, message) {
  isEnveloped(reply, 200);
  assert.equal(reply.json.success, true);
  assert.equal(reply.json.message, message);
  assert.deepEqual(
    Object.keys(reply.json).filter((key) => !['success', 'message', 'data'].includes(key)),
    [],
  );
  return reply.json.data;
}

/** An error with exactly this message and, when given, this detail (none otherwise). */
export function refused(reply, status, message, detail = null) {
  isEnveloped(reply, status);
  const { success, message: said, err_detail: given = null } = reply.json;
  assert.deepEqual({ success, message: said, err_detail: given }, { success: false, message, err_detail: detail });
}

/** Any error in the envelope with this status. */
export function failed(reply, status) {
  isEnveloped(reply, status);
  assert.equal(reply.json.success, false);
  assert.ok(typeof reply.json.message === 'string' && reply.json.message !== '');
}

/** A validation error that names exactly these fields, whatever the order: {field: message}. */
export function invalid(reply, fields) {
  isEnveloped(reply, 422);
  assert.equal(reply.json.success, false);
  assert.equal(reply.json.message, 'Validation Error, Please check the request body.');
  const named = reply.json.err_detail.map(({ field, message }) => [String(field), message]).sort();
  assert.deepEqual(named, Object.entries(fields).sort(), 'all failing fields at once, and no other');
}

/** A rented container as the contract shows it. */
export function isAllocation(data, { hotkey, port }) {
  assert.deepEqual(Object.keys(data).sort(), [
    'created_at',
    'expires_at',
    'hotkey',
    'miner_version',
    'regkey',
    'resource',
    'ssh_command',
    'ssh_ip',
    'ssh_key',
    'ssh_password',
    'ssh_port',
    'ssh_username',
    'state',
    'uuid_key',
  ]);
  assert.equal(data.hotkey, hotkey);
  assert.equal(data.regkey, '');
  assert.equal(data.ssh_ip, '127.0.0.1');
  assert.equal(data.ssh_port, port);
  assert.equal(data.ssh_username, 'root');
  assert.equal(data.ssh_command, `ssh root@127.0.0.1 -p ${port}`);
  assert.equal(data.miner_version, 183);
  assert.match(data.uuid_key, uuid);
  assert.match(data.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
}

export const leaseDays = ({ created_at: from, expires_at: to }) => (Date.parse(to) - Date.parse(from)) / 86_400_000;

const field = (bytes) => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};
/** A fresh OpenSSH public key line. */
export const sshKey = (comment = 'renter@host') =>
  `ssh-ed25519 ${Buffer.concat([field(Buffer.from('ssh-ed25519')), field(crypto.randomBytes(32))]).toString('base64')} ${comment}`;

/** None of these is one line of an OpenSSH public key that may be put into a miner's shell. */
export const badSshKeys = () => ({
  'no key at all': 'hello',
  'two lines': `${sshKey()}\n${sshKey()}`,
  'a line feed at its beginning': `\n${sshKey()}`,
  'an option before it': `command="rm -rf /" ${sshKey()}`,
  'a quote in its comment': sshKey("a'b"),
  'a NUL': sshKey('a\0b'),
  'a blob of another type': `ssh-rsa ${sshKey().split(' ')[1]} x`,
  'a blob cut short': sshKey().split(' ').slice(0, 2).join(' ').slice(0, -12),
});
