#!/bin/bash
# run.sh BIN: starts a server on SQLite in ./.run with this machine as its first host, and stays until Ctrl-C. A second run goes
# on with the same data; rm -r .run starts afresh.
#   PORT=8443        the port on 127.0.0.1
#   FEEDS=DIR|URL    a mirror of the advisory feeds, instead of the official sources
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(realpath "${1:-bin}")
run=$PWD/.run
url=https://127.0.0.1:${PORT:-8443}
umask 077
mkdir -p "$run"
export XDG_CONFIG_HOME=$run/cli # this run's own login, not the user's
export STAUNCH_CA_FINGERPRINT=
agent=("$bin/staunch-agent" --state "$run/agent")
pids=()

say() { printf '\n==> %s\n' "$*"; }
die() { printf '\n%s\n' "$*" >&2; exit 1; }
listening() { (exec 3<>"/dev/tcp/127.0.0.1/${PORT:-8443}") 2>/dev/null; }
alive() { kill -0 "$1" 2>/dev/null; }
secret() { head -c 512 /dev/urandom | tr -dc 'a-km-z2-9' | head -c 20; }

stop() {
  trap - EXIT INT TERM
  say "stopping"
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
}
trap stop EXIT
trap 'exit 0' INT
trap 'exit 143' TERM

listening && die "something listens on 127.0.0.1:${PORT:-8443} already: stop it, or say PORT=… make run"

say "starting the server: its data is in .run/server, its log is .run/server.log"
"$bin/staunch" server --data "$run/server" --listen "127.0.0.1:${PORT:-8443}" ${FEEDS:+--feeds "$FEEDS"} >>"$run/server.log" 2>&1 </dev/null &
pids+=($!)
for _ in $(seq 200); do
  listening && break
  alive "${pids[0]}" || die "the server did not start: $(tail -n 5 "$run/server.log")"
  sleep 0.1
done
listening || die "the server does not listen after 20 s: see .run/server.log"

if [ ! -f "$run/login" ]; then
  say "first login: changing the first password, as the server demands, to one of this run's own in .run/login"
  fingerprint=$(sed '/^-----/d' "$run/server/ca.pem" | base64 -d | sha256sum | cut -d' ' -f1)
  secret > "$run/login.new"
  "$bin/staunch" login "$url" --ca-fingerprint "$fingerprint" --username admin --password-file "$run/server/first-login" --new-password-file "$run/login.new"
  mv "$run/login.new" "$run/login"
fi

if ! "${agent[@]}" status >/dev/null 2>&1; then
  say "enrolling this machine with a single-use token"
  "$bin/staunch" enroll-token create --labels env=here | "${agent[@]}" enroll --server "$url" --token-file -
fi

say "starting the agent: its state is in .run/agent, its log is .run/agent.log"
"${agent[@]}" run >>"$run/agent.log" 2>&1 </dev/null &
pids+=($!)

say "waiting until this machine has reported, and for the feeds"
host=$(hostname)
show=
tried=0
for _ in $(seq 300); do
  show=$("$bin/staunch" host show "$host" 2>/dev/null) || show=
  # reported, and how old its package lists are; and judged, or the feeds were tried and the reason is known
  if grep -q '^online *yes' <<<"$show" && grep -q '^packages .*[1-9]' <<<"$show" && ! grep -q 'not said yet' <<<"$show"; then
    grep -q 'not assessed' <<<"$show" || break
    feeds=$("$bin/staunch" feed status 2>/dev/null) || feeds=
    # one that failed says nothing of the next: all have been tried, and what they gave has had time to be judged
    [ -z "$feeds" ] || grep -q 'no data' <<<"$feeds" || tried=$((tried + 1))
    [ "$tried" -lt 10 ] || break
  fi
  alive "${pids[1]}" || die "the agent ended: $(tail -n 5 "$run/agent.log")"
  sleep 0.2
done
echo "$show"
if grep -q 'not assessed' <<<"$show"; then
  say "this machine is not assessed: there is no advisory data of its release yet. Offline? FEEDS=DIR make run takes a mirror's folder"
fi
"$bin/staunch" feed status || true

cat <<TXT

  Console   $url
  Login     admin
  Password  $(cat "$run/login")

The certificate is the server's own: your browser will ask once. Command line: XDG_CONFIG_HOME=$run/cli $bin/staunch hosts
Ctrl-C stops the server and the agent; the data stays in .run.
TXT
wait -n "${pids[@]}" || true
for i in 0 1; do alive "${pids[$i]}" || { name=(server agent); tail -n 5 "$run/${name[$i]}.log"; die "the ${name[$i]} ended"; }; done
