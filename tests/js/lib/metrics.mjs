// Prometheus' text format, as far as a test needs it, and promtool.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What scripts/promtool unpacks; undefined when it could not. */
export const promtool = [process.env.PROMTOOL, fileURLToPath(new URL('../../../build/promtool', import.meta.url))].find(
  (file) => file && fs.existsSync(file),
);

/** Runs promtool with `input` and demands that it finds nothing. */
export async function promtoolAgrees(args, input = '') {
  const child = spawn(promtool, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  child.stderr.on('data', (chunk) => (said += chunk));
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  assert.equal(code, 0, said);
  return said;
}

/** name{labels as sent} -> value */
export function samplesOf(text) {
  const out = new Map();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const found = /^([a-z_]+(?:\{[^}]*\})?) (\S+)$/.exec(line);
    assert.ok(found, `not a sample: ${line}`);
    assert.ok(!out.has(found[1]), `twice: ${line}`);
    out.set(found[1], Number(found[2]));
  }
  return out;
}

/** What changed between two scrapes, without what always does: sample -> difference. */
export function increments(before, after, { names = /./ } = {}) {
  const out = {};
  for (const [name, value] of after) {
    const difference = value - (before.get(name) ?? 0);
    if (difference !== 0 && names.test(name)) out[name] = difference;
  }
  return out;
}
