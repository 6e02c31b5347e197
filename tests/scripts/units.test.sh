#!/usr/bin/env bash
# The systemd units: systemd understands them and finds them hardened, and the programs say to it what Type=notify needs.
# LODED names the daemon.
set -euo pipefail
root=$(dirname "$(dirname "$(dirname "$(realpath -- "$0")")")")
# shellcheck source=scripts/lib.bash
. "$root/scripts/lib.bash"

dir=$(mktemp -d)
daemon='' listener=''
# shellcheck disable=SC2317 # called by the trap
finish() {
  for child in $daemon $listener; do kill -KILL "$child" 2>/dev/null || true; done
  rm -rf "$dir"
}
trap finish EXIT

for unit in lode:loded:2.0 lode-miner:lode-miner:3.0; do
  IFS=: read -r name program most <<<"$unit"
  # Where the programs will be there is nothing yet.
  sed "s#/usr/local/bin/$program#/bin/true#" "$root/packaging/$name.service" >"$dir/$name.service"
  said=$(systemd-analyze verify --man=no "$dir/$name.service" 2>&1 | grep -F "$name.service" || true)
  [ -z "$said" ] || die "systemd finds fault with $name.service: $said"
  systemd-analyze security --offline=true --no-pager --threshold="$(tr -d . <<<"$most")" "$dir/$name.service" \
    >"$dir/security" || { cat "$dir/security"; die "$name.service is exposed more than $most"; }
done

# What the daemon says, one line each, on a socket as systemd's.
perl -MSocket -e '
  socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die "$!";
  bind($s, pack_sockaddr_un($ARGV[0])) or die "$!";
  $| = 1; print "bound\n";
  while (defined recv($s, my $said, 4096, 0)) { print "$said\n" }' "$dir/notify" >"$dir/said" &
listener=$!
wait_for() { # FILE TEXT COUNT
  for _ in $(seq 300); do
    [ "$(grep -cxF -- "$2" "$1" 2>/dev/null || true)" -lt "$3" ] || return 0
    sleep 0.1
  done
  cat "$dir/said" "$dir/log" || true
  die "'$2' was not said $3 times within 30 s"
}
wait_for "$dir/said" bound 1
NOTIFY_SOCKET=$dir/notify "$LODED" --http.listen 127.0.0.1:0 --storage.path "$dir/store" --miners.simulated 1 \
  >"$dir/out" 2>"$dir/log" &
daemon=$!
wait_for "$dir/said" READY=1 1
grep -q '^listening on' "$dir/out" || die "READY=1 was said before it listens"
kill -HUP "$daemon"
wait_for "$dir/said" READY=1 2
kill -TERM "$daemon"
wait "$daemon" || die "it ended with $?"
daemon=''
wait_for "$dir/said" STOPPING=1 1
printf '%s\n' bound READY=1 RELOADING=1 READY=1 STOPPING=1 | diff - "$dir/said" || die "something else was said"
say "the units are fine"
