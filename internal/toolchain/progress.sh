#!/usr/bin/env bash
# Usage: go build -v … 2>&1 | progress.sh TITLE
# Shows the progress of a compilation: on a terminal it counts the packages that go names when they
# are compiled, elsewhere it prints the title once. Nothing is shown if all are compiled already.
# Whatever else go says is wrong, and is passed on.
set -euo pipefail

packages=0
clear_line() { [[ ! -t 2 || $packages == 0 ]] || printf '\r\033[K' >&2; }
while IFS= read -r line; do
	if [[ $line =~ [[:space:]:] ]]; then
		clear_line
		printf '%s\n' "$line" >&2
		continue
	fi
	packages=$((packages + 1))
	if [[ -t 2 ]]; then
		printf '\r%s: %d packages' "$1" "$packages" >&2
	elif [[ $packages == 1 ]]; then
		printf '%s …\n' "$1" >&2
	fi
done
clear_line
