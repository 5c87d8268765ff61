#!/bin/bash
# Runs every fuzz target in turn: tools/fuzz.sh 30s
#
# Go's fuzzer sometimes takes the end of its own time for a failure, "context deadline exceeded", although no input failed. That is
# passed over. An input that fails is written to the package's testdata/fuzz, and ends the script.
set -euo pipefail
output=$(mktemp)
trap 'rm -f "$output"' EXIT

# fuzz PACKAGE TARGET TIME
fuzz() {
	if go test -run '^$' -fuzz "^$2\$" -fuzztime "$3" -fuzzminimizetime 5x "$1" 2>&1 | tee "$output"; then
		return
	fi
	grep -q 'context deadline exceeded' "$output" && ! grep -q 'Failing input written\|panic:\|DATA RACE\|build failed' "$output"
}

for package in $(go list ./...); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "$package $target"
		fuzz "$package" "$target" "${1:-30s}"
	done
done
