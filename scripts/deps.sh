#!/bin/sh
# deps.sh [PACKAGE...] - install the Debian packages that dlwatch is built and
# tested with, and the ones named besides
#
# When all are there it only asks dpkg, which takes a few milliseconds; make
# calls it before every `check` and `demo`.  Needs root, or sudo; without
# either it names the packages and the command, and exits with 1.
set -eu

# to build
packages="gcc g++ libc6-dev binutils libdw-dev libelf-dev libjansson-dev libzstd-dev
	libunwind-dev uthash-dev"
# to test
packages="$packages libcmocka-dev python3 python3-jsonschema libpython3.11-testsuite
	valgrind util-linux procps"
# what is run under dlwatch: tests, samples and benchmarks
packages="$packages memcached pbzip2 xz-utils sqlite3 libsqlite3-dev graphviz"

packages="$packages $*"

# shellcheck disable=SC2086,SC2116 # one word a package
if ! command -v dpkg-query >/dev/null; then
	echo "dlwatch: scripts/deps.sh: no dpkg on this system: install by hand what Debian calls" \
		"$(echo $packages)" >&2
	exit 0
fi

is_installed()
{
	test "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed
}

missing=
for package in $packages; do
	is_installed "$package" || missing="$missing $package"
done
test -n "$missing" || exit 0

if test "$(id -u)" = 0; then
	as_root="env"
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || test -t 0; }; then
	as_root='sudo env'
else
	echo "dlwatch: scripts/deps.sh: missing:$missing" >&2
	echo "dlwatch: scripts/deps.sh: run as root: apt-get install$missing" >&2
	exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# $1: what is being done; the rest: the command.  Its output is shown only when
# it fails.
step()
{
	printf '  %-7s %s\n' APT "$1"
	shift
	$as_root DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1
}

install_missing()
{
	# shellcheck disable=SC2086 # one word a package
	step "install$missing" apt-get install -y --no-install-recommends $missing
}

# The package lists of a fresh machine or container are absent or stale: then,
# and only then, is it worth fetching them.
if ! install_missing; then
	step update apt-get update || { cat "$log" >&2; exit 1; }
	install_missing || { cat "$log" >&2; exit 1; }
fi
