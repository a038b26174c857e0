#!/usr/bin/env bash
# Fuzzes one target: fuzz.sh PACKAGE TARGET FUZZTIME. Its exit code is go test's.
#
# Before Go 1.27, go test -fuzz may fail as the time is up, with the words "context deadline
# exceeded" and no failing input (golang/go#75804). That is no finding: the target is fuzzed again,
# at most three times in all. A failing input is always written down, and is never tried again.
set -euo pipefail
package=$1 target=$2 time=$3
output=$(mktemp)
trap 'rm -f "$output"' EXIT
for try in 1 2 3; do
	code=0
	go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1x "$package" < /dev/null 2>&1 | tee "$output" || code=$?
	if [ "$code" = 0 ]; then exit 0; fi
	if grep -q 'Failing input written to' "$output" || ! grep -Eq '^ +context deadline exceeded$' "$output"; then exit "$code"; fi
	echo "fuzz.sh: $package $target: the time was up without a finding (golang/go#75804), try $try of 3" >&2
done
exit "$code"
