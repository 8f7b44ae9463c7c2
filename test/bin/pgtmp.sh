#!/bin/sh
# A throw-away PostgreSQL for tests, on 127.0.0.1 only, without passwords: pgtmp.sh start DIR PORT, then pgtmp.sh stop DIR.
# It needs Debian's postgresql package and, when run as root, the user postgres that comes with it (PostgreSQL refuses to run as root).
# Then: STAUNCH_TEST_POSTGRES=postgres://postgres@127.0.0.1:PORT/postgres go test ./internal/store/... ./internal/jobs/...
set -eu

usage() {
	echo "usage: pgtmp.sh start DIR PORT | stop DIR" >&2
	exit 2
}

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
[ -n "$bin" ] || { echo "pgtmp.sh: no PostgreSQL in /usr/lib/postgresql: apt-get install postgresql" >&2; exit 1; }

as_postgres() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=postgres --regid=postgres --clear-groups env HOME=/tmp "$@"
	else
		"$@"
	fi
}

[ $# -ge 2 ] || usage
dir=$(realpath -m "$2")
cd / # the user postgres may not be allowed to read the working directory

case "${1:-}" in
start)
	[ $# = 3 ] || usage
	if [ "$(id -u)" = 0 ]; then
		install -d -m 700 -o postgres -g postgres "$dir"
	else
		install -d -m 700 "$dir"
	fi
	[ -f "$dir/PG_VERSION" ] || as_postgres "$bin/initdb" -D "$dir" -A trust -U postgres -E UTF8 --locale=C -N >/dev/null
	# It holds nothing worth keeping, so it need not wait for the disk.
	as_postgres "$bin/pg_ctl" -D "$dir" -w -l "$dir/log" \
		-o "-c listen_addresses=127.0.0.1 -p $3 -k $dir -c fsync=off -c full_page_writes=off" start >/dev/null
	;;
stop)
	[ $# = 2 ] || usage
	as_postgres "$bin/pg_ctl" -D "$dir" -m fast -w stop >/dev/null
	;;
*)
	usage
	;;
esac
