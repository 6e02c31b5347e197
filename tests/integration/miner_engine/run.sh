#!/usr/bin/env bash
# Runs the test program against a Podman of its own, in namespaces of its own.
#   run.sh TEST_PROGRAM [ARGUMENT...]
set -euo pipefail
root=$(dirname "$(dirname "$(dirname "$(dirname "$(realpath -- "$0")")")")")
program=$(realpath -- "$1")
shift
tar=$("$root/scripts/make-base-image" slim)
var=$(mktemp -d /tmp/lode-engine.XXXXXX)
trap 'rm -rf "$var"' EXIT
# shellcheck disable=SC2016  # expanded by the inner shell
"$root/scripts/hermetic" bash -c 'set -e
  root=$1 var=$2 tar=$3 program=$4
  shift 4
  "$root/scripts/engine" start "$var/engine"
  "$root/scripts/import-image" "$var/engine/run/podman.sock" "$tar" localhost/lode-base:1
  LODE_TEST_ENGINE_SOCKET=$var/engine/run/podman.sock LODE_TEST_FOLDER=$var "$program" "$@"' \
  -- "$root" "$var" "$tar" "$program" "$@"
