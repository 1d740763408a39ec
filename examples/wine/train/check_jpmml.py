"""Scores every PMML model with JPMML, the reference engine, and compares the
answers with those of the library that trained it (expected/)."""

import csv

import pandas as pd
from jpmml_evaluator import make_evaluator
from jpmml_evaluator.jpype import JPypeBackend

import data
from sklearn_models import CLASSIFIERS, REGRESSORS, REJECTED

# The training library sums in another order.
TOLERANCE = 1e-9


def main():
    backend = JPypeBackend()
    x, _, _ = data.load()
    for name, (spelling, _) in {**CLASSIFIERS, **REGRESSORS}.items():
        evaluator = make_evaluator(str(data.MODELS / f"{name}.pmml"), backend=backend).verify()
        frame = pd.DataFrame(x, columns=[spelling(f) for f in data.FEATURES])
        with open(data.EXPECTED / f"{name}.csv") as f:
            expected = list(csv.DictReader(f))
        got = evaluator.evaluateAll(frame.iloc[[int(e["row"]) for e in expected]])
        worst = 0.0
        for column in [c for c in expected[0] if c != "row"]:
            for want, value in zip(expected, got[column]):
                difference = abs(float(want[column]) - float(value))
                worst = max(worst, difference)
                if not difference <= TOLERANCE:  # NaN too
                    raise SystemExit(f"{name}, row {want['row']}, {column}: JPMML says {value}, the library {want[column]}")
        print(f"{name}: JPMML agrees on {len(expected)} rows, within {worst:.1e}")
    for name in REJECTED:
        try:
            make_evaluator(str(data.MODELS / f"{name}.pmml"), backend=backend).verify()
        except Exception as e:
            print(f"{name}: JPMML refuses it: {str(e).splitlines()[0]}")
        else:
            raise SystemExit(f"{name}: JPMML accepts it")


if __name__ == "__main__":
    main()
