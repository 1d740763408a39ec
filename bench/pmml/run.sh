#!/usr/bin/env bash
# Makes the benchmark's documents, once, in .cache/bench-pmml, and runs it. Needs
# Python 3.11 or newer with venv, and Java 17 (a JDK: the transpiler compiles).
# Arguments go to the benchmark.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=$PWD/.cache/bench-pmml
python=$cache/venv/bin/python
mkdir -p "$cache"

if ! cmp -s bench/pmml/requirements.txt "$cache/installed"; then
  echo "installing scikit-learn, XGBoost, LightGBM and JPMML into $cache (500 MB, once) …" >&2
  python3 -m venv "$cache/venv"
  "$python" -m pip install --quiet --requirement bench/pmml/requirements.txt
  cp bench/pmml/requirements.txt "$cache/installed"
fi
if ! cmp -s bench/pmml/train.py "$cache/trained"; then
  mkdir -p "$cache/models"
  "$python" bench/pmml/train.py "$cache/models" >&2
  cp bench/pmml/train.py "$cache/trained"
fi
jars=$("$python" -c 'import jpmml_evaluator, pathlib; print(pathlib.Path(jpmml_evaluator.__file__).parent / "dependencies")')
go run ./bench/pmml -jars "$jars" "$@" examples/wine/models/forest.pmml \
  "$cache"/models/{gb-100x6,xgboost-500x6,lightgbm-500x31,rf-100-deep,logistic,network-32-16,svm-rbf}.pmml
