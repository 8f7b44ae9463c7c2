#!/bin/bash
# nightly.sh: what takes longer than CI may: the race detector, a minute of each fuzz target, benchmarks, the end-to-end tests
# with the parts that carry the build tag nightly. Goes on after a failure and ends non-zero.
set -uo pipefail
cd "$(git rev-parse --show-toplevel)" || exit 1
failed=0
step() { echo "=== $*"; "$@" </dev/null || { echo "=== FAILED: $*"; failed=$((failed + 1)); }; }
bash scripts/need.sh gcc || exit 1 # the race detector links C
step env CGO_ENABLED=1 go test -race ./...
step go test ./internal/vercmp -run TestKeysOrderAsCompareDoes -rapid.checks=1000000 -timeout 100m
while read -r pkg target; do
  step go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-60s}" "$pkg"
done < <(git grep -oE '^func Fuzz[A-Za-z0-9_]+' -- '*_test.go' | sed -E 's#^(.*)/[^/]+:func (.*)#./\1 \2#')
step go test -run '^$' -bench . -benchmem ./...
step go test -tags e2e,nightly -count=1 -timeout 60m -v ./test/lab/ ./test/e2e/
echo "nightly: $failed failed"
[ $failed = 0 ]
