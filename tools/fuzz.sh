#!/bin/bash
# Runs every fuzz target in turn: tools/fuzz.sh 30s
#
# Go's fuzzer sometimes takes the end of its own time for a failure, "context deadline exceeded", although no input failed. That alone is
# passed over: where the output has any other line, or the package's testdata/fuzz a new input, the failure ends the script.
set -euo pipefail
output=$(mktemp)
trap 'rm -f "$output"' EXIT

# fuzz PACKAGE TARGET TIME
fuzz() {
	local corpus before
	corpus=$(go list -f '{{.Dir}}' "$1")/testdata/fuzz/$2
	before=$(inputs "$corpus")
	if go test -run '^$' -fuzz "^$2\$" -fuzztime "$3" -fuzzminimizetime 5x "$1" 2>&1 | tee "$output"; then
		return
	fi
	only_deadline && [ "$(inputs "$corpus")" = "$before" ]
}

# inputs FOLDER
inputs() {
	ls "$1" 2>/dev/null || true
}

only_deadline() {
	local error='    context deadline exceeded'
	local around='fuzz: elapsed: .*|--- FAIL: Fuzz.*|FAIL|exit status 1|FAIL[[:space:]].*[[:space:]][0-9.]+s'
	grep -qx "$error" "$output" && ! grep -qvxE "$error|$around" "$output"
}

for package in $(go list ./...); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "$package $target"
		fuzz "$package" "$target" "${1:-30s}"
	done
done
