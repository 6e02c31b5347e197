#!/usr/bin/env bash
# ctest bench.smoke: scripts/bench --quick gives a table in which every row has figures. $1: the build folder.
# What the replies must be is checked by lode-bench itself, whose failure is the script's. No time is asserted.
set -euo pipefail
root=$(dirname "$(dirname "$(realpath -- "$0")")")
table=$("$root/scripts/bench" --quick --build "$1")
printf '%s\n' "$table"
rows=$(grep -cE '^\| (1|8|32) \|( [1-9][0-9]* \|){3} \*\*[1-9][0-9]*\*\* \| \*\*[0-9.]+\*\* \|( [0-9.]+ / [0-9.]+ / [0-9.]+ \|){2}( [1-9][0-9]* \|){2}$' <<<"$table") || true
if [ "$rows" != 3 ]; then
  echo "expected a row of figures for each of the concurrencies 1, 8 and 32, found $rows" >&2
  exit 1
fi
