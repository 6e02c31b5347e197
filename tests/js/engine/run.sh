#!/usr/bin/env bash
# Runs test files against a container engine of their own, in namespaces of their own.
#   run.sh podman|docker TEST.mjs…
# LODED and LODE_MINER name the programs. LODE_TEST_IMAGE may name the image's tar, else the slim one is made.
set -euo pipefail
here=$(dirname "$(realpath -- "$0")")
root=$(dirname "$(dirname "$(dirname "$here")")")
if [ "$(id -u)" -ne 0 ]; then exec sudo -n -E env "PATH=$PATH" "$0" "$@"; fi # what containers leave is root's
kind=$1
shift
if [ "$kind" = docker ] && [ ! -x "$root/build/docker-engine/usr/sbin/dockerd" ]; then
  echo "SKIPPED: Docker is not unpacked below build/docker-engine (scripts/test does it where the packages can be had)"
  exit 77
fi
tar=${LODE_TEST_IMAGE:-$("$root/scripts/make-base-image" slim)}
var=$(mktemp -d /tmp/lode-engine.XXXXXX)
trap 'rm -rf "$var"' EXIT
export LODE_TEST_FOLDER=$var LODE_TEST_ROOT=$root LODE_TEST_KIND=$kind
# shellcheck disable=SC2016  # expanded by the inner shell
"$root/scripts/hermetic" bash -c 'set -euo pipefail
  root=$LODE_TEST_ROOT var=$LODE_TEST_FOLDER tar=$1
  shift
  if [ "$LODE_TEST_KIND" = docker ]; then
    export PATH=$root/build/docker-engine/usr/bin:$root/build/docker-engine/usr/sbin:$PATH
    mkdir -p "$var/docker/run" "$var/docker/tmp"
    socket=$var/docker/run/d.sock
    TMPDIR=$var/docker/tmp dockerd --data-root "$var/docker/data" --exec-root "$var/docker/exec" -H "unix://$socket" \
      --pidfile "$var/docker/d.pid" --storage-driver overlay2 --bip 10.94.0.1/16 >"$var/docker/log" 2>&1 &
    daemon=$!
    for _ in {1..600}; do
      [ "$(curl -s -m 2 --unix-socket "$socket" http://engine/_ping)" != OK ] || break
      kill -0 "$daemon" || { tail -n 15 "$var/docker/log"; exit 1; }
      sleep 0.1
    done
  else
    socket=$var/engine/run/podman.sock
    "$root/scripts/engine" start "$var/engine"
  fi
  "$root/scripts/import-image" "$socket" "$tar" localhost/lode-base:1
  LODE_TEST_ENGINE_SOCKET=$socket node --test "$@"' -- "$tar" "$@"
