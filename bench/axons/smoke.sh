#!/usr/bin/env bash
# ctest bench.miner-side-smoke: bench/miner-side --quick gives a table in which every row has figures, every axon's check
# of signatures passed, and a pair was three calls. $1: the build folder. No time is asserted.
set -euo pipefail
root=$(dirname "$(dirname "$(dirname "$(realpath -- "$0")")")")
table=$("$root/bench/miner-side" --quick --build "$1")
printf '%s\n' "$table"
fail() { echo "smoke: $*" >&2; exit 1; }
number='[0-9]+(\.[0-9]+)?'
rows=$(grep -cE "^\| (1|8) \| [1-9][0-9]* \| \*\*[1-9][0-9]*\*\* \| $number \| $number / $number \| $number / $number \| $number, $number \| $number \| 3(\.0[0-9]*)? \| $number \|\$" <<<"$table") || true
[ "$rows" = 2 ] || fail "expected a row of figures for 1 and for 8 clients, found $rows"
grep -qE '^Refused by the axons: 0 of [1-9][0-9]* requests' <<<"$table" || fail "axons refused calls"
# More axons than this process may have files for: said, not half done.
said=$(bash -c 'ulimit -n 300; exec "$0" --count 1000 --miners /dev/null' "$1/bench/axons/bench_axons" 2>&1) && fail "1000 axons with 300 files"
grep -qF '1000 miners need 2256 open files' <<<"$said" || fail "the limit of open files is not named: $said"
