#!/bin/sh
# Runs every fuzz target in turn: tools/fuzz.sh 30s
set -e
for package in $(go list ./...); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "$package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${1:-30s}" -fuzzminimizetime 5x "$package"
	done
done
