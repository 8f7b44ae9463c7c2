#!/bin/bash
# nightly.sh: what takes longer than CI may: the race detector with PostgreSQL beside SQLite, a minute of each fuzz target, benchmarks, the end-to-end tests
# with the parts that carry the build tag nightly. Goes on after a failure and ends non-zero.
set -uo pipefail
cd "$(git rev-parse --show-toplevel)" || exit 1
failed=0
step() { echo "=== $*"; "$@" </dev/null || { echo "=== FAILED: $*"; failed=$((failed + 1)); }; }
bash scripts/need.sh gcc || exit 1 # the race detector links C
# fuzz: now and then Go's fuzzer ends at its own time limit with "context deadline exceeded" and no input (go.dev/issue/75804); that is tried once more.
# It minimizes nothing: minimizing an input of megabytes stands still for longer than it fuzzes.
fuzz() {
  local out
  out=$(mktemp)
  for _ in 1 2; do
    go test -run '^$' -fuzz "^$2\$" -fuzztime "${FUZZTIME:-60s}" -fuzzminimizetime 1x "$1" 2>&1 | tee "$out"
    [ "${PIPESTATUS[0]}" = 0 ] && { rm "$out"; return 0; }
    grep -q 'context deadline exceeded' "$out" && ! grep -q 'Failing input' "$out" || break
  done
  rm "$out"
  return 1
}
scratch=$(mktemp -d)
chmod 755 "$scratch" # the user postgres has a folder in it
finish() {
  sh test/bin/pgtmp.sh stop "$scratch/pg" >/dev/null 2>&1
  rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 143' INT TERM # so that finish runs
port=54429
while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done # free, since nothing answers
sh test/bin/pgtmp.sh start "$scratch/pg" "$port" || { tail -n 5 "$scratch/pg/log"; exit 1; }
export STAUNCH_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"
step env CGO_ENABLED=1 go test -race -timeout 30m ./...
step go test ./internal/vercmp -run TestKeysOrderAsCompareDoes -rapid.checks=1000000 -timeout 100m
while read -r pkg target; do
  step fuzz "$pkg" "$target"
done < <(git grep -oE '^func Fuzz[A-Za-z0-9_]+' -- '*_test.go' | sed -E 's#^(.*)/[^/]+:func (.*)#./\1 \2#')
step go test -run '^$' -bench . -benchmem ./...
step go test -tags e2e,nightly -count=1 -timeout 60m -v ./test/lab/ ./test/e2e/
echo "nightly: $failed failed"
[ $failed = 0 ]
