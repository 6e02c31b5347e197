// A program that sees another time of day: libfaketime of Debian's package faketime. Clocks that only measure are real.
import fs from 'node:fs';
import path from 'node:path';

const roots = ['/usr/lib', '/usr/lib64', '/usr/local/lib'];

function library() {
  for (const root of roots) {
    const folders = fs.existsSync(root) ? ['', ...fs.readdirSync(root)] : [];
    for (const folder of folders) {
      const file = path.join(root, folder, 'faketime/libfaketimeMT.so.1');
      if (fs.existsSync(file)) return file;
    }
  }
  throw new Error('libfaketime is missing: scripts/deps test installs it');
}

/** The environment of a program for which it is `hours` later. */
export const later = (hours) => ({
  LD_PRELOAD: library(),
  FAKETIME: `+${hours}h`,
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
  // A sanitizer's runtime wants to be the first library.
  ASAN_OPTIONS: `verify_asan_link_order=0:${process.env.ASAN_OPTIONS ?? ''}`,
});
