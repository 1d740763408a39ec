#!/usr/bin/env bash
# Makes model/pmml/testdata/corpus anew, or only the documents named. Needs Python 3.11 or newer and Java 17;
# the libraries come from PyPI into .cache/pmmlcorpus.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=$PWD/.cache/pmmlcorpus
if ! cmp -s scripts/pmmlcorpus/requirements.txt "$cache/installed.txt"; then
	python3 -m venv "$cache/venv"
	"$cache/venv/bin/pip" install -q -r scripts/pmmlcorpus/requirements.txt
	cp scripts/pmmlcorpus/requirements.txt "$cache/installed.txt"
fi
mkdir -p "$cache/classes"
"$cache/venv/bin/python" scripts/pmmlcorpus/make.py model/pmml/testdata/corpus "$cache/classes" "$@"
