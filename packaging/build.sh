#!/bin/bash
# build.sh BIN DIST VERSION: makes the deb and the rpm of the server and of the agent in DIST out of the programs in BIN. The same
# commit gives the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
nfpm=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.4
bin=$(realpath "$1")
dist=$2
version=${3#v}
arch=$(go env GOARCH)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
# what is no release sorts before every release, and by the time of its commit; a - would divide it from a revision
[[ $version == [0-9]*.* ]] || version=0~$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S).$version
version=${version//-/+}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$dist"

package() { # NAME ENABLED STARTED STATE: enabled units start at boot, started ones are started by those
  local f kind
  mkdir "$work/$1"
  for f in "packaging/$1.yaml" packaging/scripts/*; do
    sed -e "s#@PACKAGE@#$1#g; s#@ENABLED@#$2#g; s# *@STARTED@#${3:+ $3}#g; s#@STATE@#$4#g" \
      -e "s#@BIN@#$bin#; s#@SCRIPTS@#$work/$1#; s#@VERSION@#$version#; s#@ARCH@#$arch#" "$f" > "$work/$1/${f##*/}"
  done
  for kind in deb rpm; do
    go run "$nfpm" package --config "$work/$1/$1.yaml" --packager $kind --target "$dist"
  done
}
package staunch-server staunch-server.service "" /var/lib/staunch
package staunch-agent "staunch-agent-apply.path staunch-agent-look.path staunch-agent.service" "staunch-agent-apply.service staunch-agent-look.service" \
  "/var/lib/staunch-agent /var/lib/staunch-apply /run/staunch-agent-look /etc/staunch/trust.json"
