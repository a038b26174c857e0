#!/usr/bin/env bash
# Usage: install.sh databases|clients|receivers
# Installs what tests need and what is missing, where it may: Debian and Ubuntu, as root or by a
# sudo that asks for no password.
#   databases: the servers that the store is proved against, and the pooler. They are not started:
#     the tests start their own.
#   clients: AWS's SDK for Python and its command line, Node.js and Chromium, which call the
#     emulated cloud.
#   receivers: Node.js and Python, in which documented receivers of events are written.
set -euo pipefail

installed() { PATH="$PATH:/usr/sbin:$(echo /usr/lib/postgresql/*/bin | tr ' ' ':')" command -v "$1" > /dev/null; }

missing=()
case "${1:-}" in
databases)
	installed postgres && installed initdb && installed pg_basebackup || missing+=(postgresql)
	installed pgbouncer || missing+=(pgbouncer)
	installed mariadbd && installed mariadb-install-db || missing+=(mariadb-server)
	;;
clients)
	python3 -c 'import boto3' 2> /dev/null || /usr/bin/python3 -c 'import boto3' 2> /dev/null || missing+=(python3-boto3)
	installed aws || missing+=(awscli)
	installed node || missing+=(nodejs)
	installed npm || missing+=(npm)
	installed chromium || missing+=(chromium)
	;;
receivers)
	installed node || missing+=(nodejs)
	installed python3 || missing+=(python3)
	;;
*)
	sed -n 's/^# Usage: /usage: /p' "$0" >&2
	exit 2
	;;
esac
[ ${#missing[@]} -gt 0 ] || exit 0

root=()
[ "$(id -u)" = 0 ] || root=(sudo -n)
if ! command -v apt-get > /dev/null || ! "${root[@]}" true 2> /dev/null; then
	echo "cannot install ${missing[*]} here (no apt-get, or no right to): their tests will be skipped, and fail under CI=true"
	exit 0
fi

# Neither the packages' own servers nor a cluster of theirs are wanted.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee $policy > /dev/null
	"${root[@]}" chmod +x $policy
	trap '"${root[@]}" rm -f $policy' EXIT
fi
apt() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"; }
if ! { apt update && apt install -y --no-install-recommends "${missing[@]}"; }; then
	echo "*** ${missing[*]} COULD NOT BE INSTALLED (no network, or another installation is at work?): see above ***" >&2
	[ "${CI:-}" != true ] || exit 1
	echo "*** Their tests will be SKIPPED ***" >&2
fi
