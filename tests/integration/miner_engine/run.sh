#!/usr/bin/env bash
# Runs the test program against a Podman of its own, in namespaces of its own.
#   run.sh [--chroot] TEST_PROGRAM [ARGUMENT...]
# --chroot: all of it in a chroot, where Podman takes the root directory outside for that of a running container
# (docs/AGENT.md, exchange_key). Fails too when anything was written there.
set -euo pipefail
root=$(dirname "$(dirname "$(dirname "$(dirname "$(realpath -- "$0")")")")")
chrooted=''
if [ "$1" = --chroot ]; then
  chrooted=1
  shift
fi
program=$(realpath -- "$1")
shift
tar=$("$root/scripts/make-base-image" slim)
var=$(mktemp -d /tmp/lode-engine.XXXXXX)
trap 'rm -rf "$var"' EXIT
# shellcheck disable=SC2016  # expanded by the inner shells
inside='set -e
  root=$1 var=$2 tar=$3 program=$4
  shift 4
  "$root/scripts/engine" start "$var/engine"
  "$root/scripts/import-image" "$var/engine/run/podman.sock" "$tar" localhost/lode-base:1
  LODE_TEST_ENGINE_SOCKET=$var/engine/run/podman.sock LODE_TEST_FOLDER=$var "$program" "$@"'
# shellcheck disable=SC2016
in_chroot='set -e
  inside=$1 var=$4
  shift
  mkdir "$var/chroot"
  mount --rbind / "$var/chroot"
  mount -t tmpfs -o mode=700 tmpfs /root
  failed=0
  chroot "$var/chroot" bash -c "$inside" "$@" || failed=1
  [ -z "$(ls -A /root)" ] || { echo "written outside of the chroot:"; find /root -type f; failed=1; }
  exit "$failed"'
if [ -n "$chrooted" ]; then
  "$root/scripts/hermetic" bash -c "$in_chroot" -- "$inside" -- "$root" "$var" "$tar" "$program" "$@"
else
  "$root/scripts/hermetic" bash -c "$inside" -- "$root" "$var" "$tar" "$program" "$@"
fi
