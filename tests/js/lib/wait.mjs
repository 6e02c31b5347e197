// Waiting for what others do: always for a condition, always with a deadline, never for a time.
import { setTimeout as pause } from 'node:timers/promises';

/** Resolves with the first truthy value of `test`, which may be async. Throws, with the last value, past the deadline. */
export async function until(what, test, { within = 15_000, every = 20 } = {}) {
  const deadline = Date.now() + within;
  for (;;) {
    const value = await test();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${within} ms`);
    await pause(every);
  }
}

/** The promise's value, or an error that names `what`. */
export async function soon(what, promise, within = 15_000) {
  const leave = new AbortController();
  try {
    return await Promise.race([
      promise,
      pause(within, undefined, { signal: leave.signal }).then(() => {
        throw new Error(`${what}: not within ${within} ms`);
      }),
    ]);
  } finally {
    leave.abort();
  }
}

/** Runs `work(item)` over all items, at most `width` at once; results in order. The first failure is thrown. */
export async function spread(items, width, work) {
  const results = new Array(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const i = next++;
      results[i] = await work(items[i], i);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  return results;
}

/** A generator of numbers in [0, 1) from a seed: the same seed gives the same rounds (mulberry32). */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
