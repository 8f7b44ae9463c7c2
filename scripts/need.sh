#!/bin/bash
# need.sh PROGRAM...: says which of the programs are missing, and what gives them on Debian.
missing=()
for p in "$@"; do command -v "$p" >/dev/null || missing+=("$p"); done
[ ${#missing[@]} -gt 0 ] || exit 0
for p in "${missing[@]}"; do
  case $p in
    go) echo "missing: go 1.26 or newer (go.dev/dl)" ;;
    node | npm) echo "missing: $p; the console needs Node.js 20.19 or newer with npm 11 (nodejs.org)" ;;
    gcc) echo "missing: gcc; apt-get install gcc libc6-dev" ;;
    chromium) echo "missing: chromium; apt-get install chromium" ;;
    *) echo "missing: $p" ;;
  esac
done >&2
exit 1
