#!/usr/bin/env bash
# ctest bench.guard-itself: scripts/bench-guard fails at 12 % more than the baseline and not at 5 %, knows cases that came
# or went, and counts the same twice. $1: the build folder.
set -euo pipefail
root=$(dirname "$(dirname "$(dirname "$(realpath -- "$0")")")")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
guard() { "$root/scripts/bench-guard" --build "$build" --built --baseline "$folder/baseline.json" "$@"; }
build=$1
case=ss58.decode

fail() { echo "guard.test: $*" >&2; cat "$folder/said" >&2; exit 1; }
# expect STATUS TEXT ARGUMENT...: the guard ends with that status and says that text.
expect() {
  local wanted=$1 text=$2 status=0
  shift 2
  guard "$@" >"$folder/said" 2>&1 || status=$?
  [ "$status" = "$wanted" ] || fail "status $status instead of $wanted"
  grep -qF -- "$text" "$folder/said" || fail "does not say '$text'"
}
# The baseline as if the case had taken that many percent of what it takes.
baseline_at() { jq --arg c "$case" --argjson p "$1" '.instructions[$c] |= (. * $p / 100 | floor)' "$folder/true.json" >"$folder/baseline.json"; }

status=0
guard --update --case "$case" >"$folder/said" 2>&1 || status=$?
[ "$status" != 77 ] || { cat "$folder/said"; exit 77; }
[ "$status" = 0 ] || fail "cannot count"
cp "$folder/baseline.json" "$folder/true.json"

expect 0 "+0.0%" --case "$case"
expect 1 "there is no case nonsense" --case nonsense
baseline_at 95
expect 0 "+5." --case "$case"
baseline_at 88
expect 1 "more than 10 % above the baseline: $case" --case "$case"
baseline_at 115
expect 0 "more than 10 % below the baseline: $case" --case "$case"
jq '.instructions = {}' "$folder/true.json" >"$folder/baseline.json"
expect 1 "without a baseline: $case" --case "$case"
jq '.made_with.compiler = "1.2.3"' "$folder/true.json" >"$folder/baseline.json"
expect 77 "made with compiler version 1.2.3" --case "$case"
echo "the guard fails at 12 % more, not at 5 %, and says why"
