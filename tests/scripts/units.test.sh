#!/usr/bin/env bash
# The systemd units: systemd understands them and finds them hardened, and the programs say to it what Type=notify needs.
# LODED and LODE_MINER name the programs.
set -euo pipefail
root=$(dirname "$(dirname "$(dirname "$(realpath -- "$0")")")")
# shellcheck source=scripts/lib.bash
. "$root/scripts/lib.bash"

dir=$(mktemp -d)
children=()
# shellcheck disable=SC2317 # called by the trap
finish() {
  for child in "${children[@]}"; do { kill -KILL "$child" && wait "$child"; } 2>/dev/null || true; done
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

# Everything that is heard, a line each, in one pipe: so it has one order.
mkfifo "$dir/heard"
exec {heard}<>"$dir/heard"
hear() { # TEXT: the next line says it
  local line=''
  read -r -t 60 -u "$heard" line || { cat "$dir"/*.log || true; die "'$1' is not heard within 60 s"; }
  [ "$line" = "$1" ] || { cat "$dir"/*.log || true; die "'$line' is heard instead of '$1'"; }
}

# What the programs say, on a socket as systemd's.
perl -MSocket -e '
  socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die "$!";
  bind($s, pack_sockaddr_un($ARGV[0])) or die "$!";
  $| = 1; print "bound\n";
  while (defined recv($s, my $said, 4096, 0)) { print "$said\n" }' "$dir/notify" >&"$heard" &
children+=($!)
hear bound

# A container engine that has no container. It tells what it is asked.
engine() {
  perl -MSocket -e '
    socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die "$!";
    bind($s, pack_sockaddr_un($ARGV[0])) or die "$!";
    listen($s, 8) or die "$!";
    $| = 1;
    while (accept(my $c, $s)) {
      my $head = "";
      while ($head !~ /\r\n\r\n/ && sysread($c, my $part, 4096)) { $head .= $part }
      my ($what) = $head =~ m{^GET /v[\d.]+(/[a-z_]+)} or next;
      print "engine: $what\n" unless $told{$what}++;
      my $body = $what eq "/_ping" ? "OK" : "[]";
      syswrite($c, "HTTP/1.1 200 OK\r\ncontent-length: " . length($body) . "\r\nconnection: close\r\n\r\n$body");
    }' "$dir/engine" >&"$heard" &
  children+=($!)
}

ends() { # PID
  kill -TERM "$1"
  hear STOPPING=1
  wait "$1" || die "it ended with $?"
}

export NOTIFY_SOCKET=$dir/notify
"$LODED" --http.listen 127.0.0.1:0 --storage.path "$dir/store" --miners.simulated 1 >"$dir/out" 2>"$dir/loded.log" &
children+=($!)
hear READY=1
grep -q '^listening on' "$dir/out" || die "loded says READY=1 before it listens"
kill -HUP "${children[-1]}"
hear RELOADING=1
hear READY=1
ends "${children[-1]}"

# The units' ExecStartPre: what would not start does not pass.
checks() { # STATUS TEXT FLAG...
  local status=0
  "$LODE_MINER" --check-config "${@:3}" >"$dir/check" 2>&1 || status=$?
  [ "$status" -eq "$1" ] || { cat "$dir/check"; die "lode-miner --check-config ${*:3} ended with $status"; }
  grep -qF -- "$2" "$dir/check" || { cat "$dir/check"; die "lode-miner --check-config ${*:3} does not say: $2"; }
}
"$LODE_MINER" wallet new "$dir/hotkey" >/dev/null
checks 2 'wallet.hotkey-file is not set' --access.allow-any
checks 2 'access.validators: names nobody' --wallet.hotkey-file "$dir/hotkey"
checks 2 'it cannot be opened' --wallet.hotkey-file "$dir/none" --access.allow-any
checks 2 "state.path $dir/hotkey/x" --wallet.hotkey-file "$dir/hotkey" --access.allow-any --state.path "$dir/hotkey/x"
checks 0 'lode-miner waits for the engine' --wallet.hotkey-file "$dir/hotkey" --access.allow-any --engine.socket "$dir/engine"
"$LODE_MINER" --axon.listen 127.0.0.1:0 --wallet.hotkey-file "$dir/hotkey" --access.allow-any --state.path "$dir/state" \
  --engine.socket "$dir/engine" >"$dir/out" 2>"$dir/miner.log" &
miner=$!
children+=("$miner")
# Without its engine it is not ready, and says why.
timeout 60 grep -qm1 'waiting for the container engine' < <(tail -n +1 -F --pid="$miner" "$dir/miner.log" 2>/dev/null) ||
  die "lode-miner does not say that it waits for the engine"
engine
hear 'engine: /_ping'
hear 'engine: /containers'
hear 'engine: /images'
hear READY=1
grep -q '^listening on' "$dir/out" || die "lode-miner says READY=1 before it listens"
ends "$miner"
say "the units are fine"
