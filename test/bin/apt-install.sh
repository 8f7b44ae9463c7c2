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

# The newest versions, else those of the release itself: their dependencies fit a machine that has not been upgraded since.
fits=
for options in "" "-o APT::Default-Release=$(. /etc/os-release && echo "$VERSION_CODENAME")"; do
  plan=$(apt-get install --simulate --no-install-recommends --no-upgrade $options "${missing[@]}" 2>/dev/null) || continue
  changes=$(awk '(/^Inst/ && $3 ~ /^\[/) || /^Remv/ {print $2}' <<<"$plan")
  [ -n "$changes" ] || { fits=yes; break; }
done
[ -n "$fits" ] || { echo "not installing ${missing[*]}: apt would also change what is installed:" ${changes:-or cannot install them} >&2; exit 3; }

# PostgreSQL's package starts a cluster of its own at installation; the tests start theirs.
if [[ " ${missing[*]} " == *" postgresql"* && ! -e /etc/postgresql-common/createcluster.conf ]]; then
  mkdir -p /etc/postgresql-common
  echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
fi
echo "installing ${missing[*]}"
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --no-upgrade $options -o DPkg::Lock::Timeout=300 "${missing[@]}" </dev/null >/dev/null
