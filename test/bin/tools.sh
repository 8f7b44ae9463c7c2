#!/bin/bash
# tools.sh: installs from Debian what the tests need beside Go and Node.js. Nothing that is already installed is changed.
set -euo pipefail
cd "$(dirname "$0")"
bash ../../scripts/need.sh go node npm git
want=()
need() { command -v "$1" >/dev/null || want+=("$2"); } # PROGRAM PACKAGE
need make make
need curl curl
need gpg gnupg
need gpgconf gnupg
need rpm rpm
need rpmbuild rpm
need xz xz-utils
need zstd zstd
need ip iproute2
need unshare util-linux
need setpriv util-linux
need mmdebstrap mmdebstrap
need chromium chromium
[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || want+=(debian-archive-keyring)
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || want+=(postgresql)
[ ${#want[@]} = 0 ] || bash apt-install.sh "${want[@]}"
