#!/usr/bin/env bash
# scripts/run as its users call it: on this machine, with its own var/ in whatever state that is. Two runs with --once,
# one that serves until Ctrl-C, one with simulated miners; afterwards nothing may be left of any of them.
# Needs what scripts/run needs: root, or sudo without a password; for the first image also the network.
#   tests/scripts/run.test.sh
set -euo pipefail
here=$(dirname "$(realpath -- "$0")")
root=$(realpath -- "$here/../..")
var=$(realpath -m -- "${LODE_VAR:-$root/var}")
socket=$var/engine/run/podman.sock
out=$(mktemp -d)
served=''
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo -n)

say() { echo "run.test: $*" >&2; }
# $1 what is wrong, $2 the output to show with it.
fail() {
  say "FAILED: $1"
  [ -z "${2:-}" ] || sed 's/^/  | /' "$2" >&2
  exit 1
}

at_exit() {
  if [ -n "$served" ] && kill -0 "$served" 2>/dev/null; then
    kill -TERM -- "-$served"
    wait "$served" || true
  fi
  rm -rf "$out"
}
trap at_exit EXIT

# Below the ports that the system hands out by itself, so that nobody gets it meanwhile.
free_port() {
  local port
  for _ in {1..100}; do
    port=$((20000 + RANDOM % 10000))
    [ -n "$(ss -Hltn "sport = :$port")" ] || { echo "$port"; return; }
  done
  fail "no free port among a hundred"
}

# Says with which line of output a run has to have said what the pattern $1 describes; $2 the output.
said() { grep -qE -- "$1" "$2" || fail "no line of the output matches: $1" "$2"; }

# A run to its end: $1 where its output goes, then the arguments.
once() {
  local log=$1 status=0
  shift
  say "scripts/run $*"
  timeout --kill-after=60 400 "$root/scripts/run" "$@" >"$log" 2>&1 </dev/null || status=$?
  [ "$status" -eq 0 ] || fail "scripts/run $* ended with $status" "$log"
}

# What changes when something is installed, configured, compiled or made into an image: names, times and sizes.
stamps() {
  {
    find "$root/build/release" -maxdepth 1 -type f ! -name '*.lock'
    find "$var/images" -name '*.tar*'
    "${as_root[@]}" find "$var/engine/graph/overlay-images" -name images.json
    echo /var/lib/dpkg/status
  } | sort | "${as_root[@]}" xargs -d '\n' stat -c '%n %y %s'
}

# The programs of a run whose command line names a file below var/.
left_processes() {
  local process command
  for process in /proc/[0-9]*; do
    case $(cat "$process/comm" 2>/dev/null) in loded | lode-miner | podman | conmon | runc) ;; *) continue ;; esac
    command=$(tr '\0' ' ' 2>/dev/null <"$process/cmdline") || continue
    [[ $command != *"$var/"* ]] || echo "${process#/proc/}: ${command:0:200}"
  done
}

nothing_is_left() {
  local left
  left=$(left_processes)
  [ -z "$left" ] || fail "after $1 there are still processes: $left"
}

# Asks a fresh engine on the same state, for a stopped one tells nothing.
no_container_is_left() {
  local containers
  "${as_root[@]}" "$root/scripts/engine" start "$var/engine"
  containers=$(curl -sS -m 30 --unix-socket "$socket" 'http://engine/v1.41/containers/json?all=1') || containers='no answer'
  "${as_root[@]}" "$root/scripts/engine" stop "$var/engine"
  [ "$containers" = '[]' ] || fail "after $1 the engine does not say that it has no container: ${containers:0:300}"
}

first_and_second() {
  local shell='a shell in the container says: .*root, [0-9]+ CPU'
  once "$out/first" --once --port "$port"
  said "$shell" "$out/first"
  said 'given back: no container is left' "$out/first"
  nothing_is_left "the first run"
  stamps >"$out/stamps"
  # Without these the comparison would compare nothing.
  for name in /loded /lode-miner /build.ninja '\.tar' /images.json /dpkg/status; do
    grep -qE "$name [0-9]" "$out/stamps" || fail "no stamp of $name" "$out/stamps"
  done

  once "$out/second" --once --port "$port"
  said "$shell" "$out/second"
  nothing_is_left "the second run"
  ! grep -E '^(deps|build|make-base-image|import-image): ' "$out/second" ||
    fail "the second run installed, built or made an image" "$out/second"
  stamps | diff "$out/stamps" - || fail "the second run changed what the first had made"
}

# `lode` against a run that serves: gives back what the run has rented, then rents, logs in and gives back itself.
# $1 the run's output.
command_line() {
  local home=$out/home api lode hotkey
  api=$(sed -n 's#.*serving on \(http://[^ ]*\) until.*#\1#p' "$1")
  said "^command line: *$root/build/release/lode --server $api ls" "$1"
  mkdir -p "$home/.ssh"
  ssh-keygen -q -t ed25519 -N '' -f "$home/.ssh/id_ed25519"
  lode=(env -u XDG_STATE_HOME -u XDG_CONFIG_HOME HOME="$home" LODE_SERVER="$api" "$root/build/release/lode")
  hotkey=$("${lode[@]}" --no-header ls | cut -f1)
  "${lode[@]}" release "$hotkey" >"$out/lode" || fail "lode does not give back what the run has rented" "$out/lode"
  { "${lode[@]}" allocate --gpu none --wait-ssh && "${lode[@]}" ssh last -- uname -a && "${lode[@]}" release last; } \
    >"$out/lode" 2>&1 || fail "lode allocate && lode ssh && lode release" "$out/lode"
  said '^Linux .*GNU/Linux$' "$out/lode"
  said "^released $hotkey$" "$out/lode"
}

serving() {
  local log=$out/serving status=0 login
  say "scripts/run --port $port, until Ctrl-C"
  # A process group of its own, as a terminal gives it one. A shell starts what is in its background with SIGINT ignored.
  setsid env --default-signal=INT "$root/scripts/run" --port "$port" >"$log" 2>&1 </dev/null &
  served=$!
  timeout 400 grep -qm1 'serving on http://.* until Ctrl-C' < <(tail -n +1 -s 0.1 -F --pid="$served" "$log" 2>/dev/null) ||
    fail "it does not come to serve" "$log"
  login=$(sed -n 's/^log in: *\(ssh .*\)$/\1/p' "$log")
  [ -n "$login" ] || fail "it prints no ssh line" "$log"
  # The line as a user would paste it.
  [ "$(timeout 60 bash -c "$login -n -o BatchMode=yes -o LogLevel=ERROR echo I am \\\$\(id -un\)")" = 'I am root' ] ||
    fail "its ssh line does not log in: $login" "$log"
  command_line "$log"
  kill -INT -- "-$served"
  wait "$served" || status=$?
  served=''
  [ "$status" -eq 0 ] || fail "after Ctrl-C it ended with $status instead of 0" "$log"
  nothing_is_left "Ctrl-C"
  no_container_is_left "Ctrl-C"
  nothing_is_left "the question to the engine"
}

simulated() {
  once "$out/simulated" --simulated 4 --once --port "$port"
  said 'up after [0-9.]+ s' "$out/simulated"
  ! grep -q 'shell in the container' "$out/simulated" || fail "simulated miners have no container" "$out/simulated"
  nothing_is_left "simulated miners"
}

port=$(free_port)
first_and_second
serving
simulated
say "all as it should be"
