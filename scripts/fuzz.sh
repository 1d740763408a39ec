#!/usr/bin/env bash
# Runs every fuzz target of the given packages for $FUZZTIME each.
set -euo pipefail
for package in $(go list "$@"); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "== $package $target"
		go test -run='^$' -fuzz="^$target\$" -fuzzminimizetime=10x -fuzztime="${FUZZTIME:-10s}" "$package"
	done
done
