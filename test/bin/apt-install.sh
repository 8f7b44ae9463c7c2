#!/bin/bash
# apt-install.sh PACKAGE...: installs from Debian what is missing. Refuses when apt would upgrade or remove a package that is
# already on this machine: tests are no reason to change it.
set -euo pipefail
missing=()
for p in "$@"; do
  dpkg-query -W -f '${db:Status-Abbrev}' "$p" 2>/dev/null | grep -q '^.i' || missing+=("$p")
done
[ ${#missing[@]} -gt 0 ] || exit 0
[ "$(id -u)" = 0 ] || { echo "missing packages: ${missing[*]}; install them as root: apt-get install ${missing[*]}" >&2; exit 3; }
apt-get update -qq
plan=$(apt-get install --simulate --no-install-recommends --no-upgrade "${missing[@]}")
changes=$(awk '(/^Inst/ && $3 ~ /^\[/) || /^Remv/ {print $2}' <<<"$plan")
if [ -n "$changes" ]; then
  echo "not installing ${missing[*]}: apt would also change what is installed:" $changes >&2
  exit 3
fi
# PostgreSQL's package starts a cluster of its own at installation; the tests start theirs.
if [[ " ${missing[*]} " == *" postgresql"* && ! -e /etc/postgresql-common/createcluster.conf ]]; then
  mkdir -p /etc/postgresql-common
  echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
fi
echo "installing ${missing[*]}"
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --no-upgrade -o DPkg::Lock::Timeout=300 "${missing[@]}" </dev/null >/dev/null
