# shellcheck shell=bash
# What the scripts share; sourced, with `root` set to the top of the checkout.
#   say TEXT               one line to standard error, marked with the script's name
#   die TEXT               say it and exit 1
#   step TEXT COMMAND...   runs the command with its output in a log file; on a terminal shows TEXT with the time that
#                          passed. When it fails, prints the end of the log and where it lies, and returns its status.
#   end_step               ends what a step had under way; for a script's own EXIT trap
#   newer_than STAMP       true when a source of the programs is newer than the file STAMP, or STAMP is missing

: "${root:?}"
if [ -t 2 ]; then bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'; else bold='' red='' green='' plain=''; fi
script_name=${0##*/}

say() { echo "$script_name: $*" >&2; }
die() { echo "$red$script_name: $*$plain" >&2; exit 1; }

# The time since $1 (an earlier $EPOCHREALTIME) in seconds with one decimal.
seconds_since() {
  local tenths=$(((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}) / 100000))
  echo "$((tenths / 10)).$((tenths % 10))"
}

step() {
  local text=$1 begin=$EPOCHREALTIME log status=0 worker shown=0 last
  shift
  mkdir -p "$root/build/log"
  log=$root/build/log/$(tr -cs 'a-zA-Z0-9\n' '-' <<<"$text" | cut -c1-60).log
  # A process group of its own, so that all of it can be ended.
  [ -n "$(trap -p EXIT)" ] || trap end_step EXIT
  set -m
  "$@" >"$log" 2>&1 </dev/null &
  worker=$! step_group=$!
  set +m
  # A step that is over at once is not worth a line.
  while kill -0 "$worker" 2>/dev/null; do
    last=$(seconds_since "$begin")
    if [ -t 2 ]; then
      [ "${last%.*}" -lt 1 ] || printf '\r\e[K%s … %s s  %s' "$bold$text$plain" "${last%.*}" \
        "$(tail -n 1 "$log" | tr -d '\r\e' | cut -c1-60)" >&2
    elif ((${last%.*} >= shown)); then
      # No terminal: a line after one second, then every half minute.
      if ((shown == 0)); then shown=1; else say "$text … ${last%.*} s"; shown=$((shown + 30)); fi
    fi
    sleep 0.1
  done
  wait "$worker" || status=$?
  step_group=''
  last=$(seconds_since "$begin")
  [ ! -t 2 ] || printf '\r\e[K' >&2
  if [ "$status" -ne 0 ]; then
    tail -n 40 "$log" >&2
    say "$red$text: failed after $last s with status $status$plain; all of its output is in $log"
    return "$status"
  fi
  [ "${last%.*}" -lt 1 ] || say "$green$text$plain ($last s)"
}

end_step() {
  [ -z "${step_group:-}" ] || kill -TERM -- "-$step_group" 2>/dev/null || true
}

newer_than() {
  [ -e "$1" ] || return 0
  # Folders too: their time changes when a file is added or deleted.
  [ -n "$(cd "$root" && find . -mindepth 1 \
    \( -name node_modules -o -path ./build -o -path ./var -o -path ./.git -o -path ./.cache -o -path ./docs \
    -o -path ./scripts -o -path ./.ci -o -path ./packaging -o -path ./tests/js \) -prune \
    -o \( -type d -o -name '*.cpp' -o -name '*.hpp' -o -name '*.txt' -o -name '*.cmake' -o -name 'CMake*.json' \) \
    -newer "$1" -print -quit)" ]
}
