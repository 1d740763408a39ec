"""Data and files of the wide corpus: one table with numbers of several kinds, labels, flags, dates and text; pipelines are
pickled for Convert.java together with a sample of their inputs."""

import os
import sys
import traceback
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import sklearn.utils
from sklearn2pmml import _escape
from sklearn2pmml.pipeline import PMMLPipeline

sklearn.utils.tosequence = list  # which sklearn-pandas still imports
OUT, WORK = Path(sys.argv[1]), Path(sys.argv[2])
ONLY = sys.argv[3:]

rng = np.random.RandomState(11)
N = 240
X = pd.DataFrame({
    "len": np.round(rng.normal(5, 2, N), 2),
    "wid": np.round(rng.gamma(2, 1.5, N), 2),
    "age": rng.randint(18, 90, N),
    "hits": rng.poisson(2, N),
    "col": rng.choice(["red", "green", "blue", "dark grey"], N, p=[0.4, 0.3, 0.25, 0.05]),
    "smk": rng.choice(["yes", "no"], N),
    "flag": rng.rand(N) > 0.5,
})
score = X["len"] - 1.5 * X["wid"] + 0.05 * X["age"] + (X["col"] == "red") * 2 + rng.normal(0, 1, N)
AMOUNT = pd.Series(np.round(np.exp(score / 4) + 1, 3), name="amount")
COUNT = pd.Series(rng.poisson(np.exp(np.clip(score, -3, 4) / 4)), name="count")
SORT = pd.Series(np.where(score > 4, "high", np.where(score > 1, "mid", "low")), name="sort")
YES = pd.Series(np.where(score > 2, "yes", "no"), name="answer")
BIT = pd.Series((score > 2).astype(int), name="bit")
GRADE = pd.Series(np.where(score > 4, 2, np.where(score > 1, 1, 0)), name="grade")
WORDS = ["sun", "rain", "wind", "snow", "fog", "ice", "Black Ice", "don't"]
TEXT = pd.DataFrame({"text": [" ".join(rng.choice(WORDS, rng.randint(2, 9))) for _ in range(N)]})
DATES = pd.DataFrame({
    "day": pd.to_datetime("2001-01-01") + pd.to_timedelta(rng.randint(0, 9000, N), unit="D"),
    "at": pd.to_datetime("2001-01-01") + pd.to_timedelta(rng.randint(0, 700000000, N), unit="s"),
})
XNA = X.copy()
for i, c in enumerate(["len", "wid", "col", "smk"]):
    XNA.loc[rng.choice(N, 24, replace=False), c] = None if X[c].dtype == object else np.nan
NUM, LAB = ["len", "wid", "age", "hits"], ["col", "smk"]

done = []


def sample(name, data):
    data = data.to_frame() if isinstance(data, pd.Series) else data
    rows = ["\t".join(map(str, data.columns))]
    for _, row in data.iloc[:60].iterrows():
        rows.append("\t".join("NA" if pd.isna(v) else cell(v) for v in row))
    (OUT / f"{name}.sample.tsv").write_text("\n".join(rows) + "\n")


def cell(v):
    if isinstance(v, (bool, np.bool_)):
        return "true" if v else "false"
    if isinstance(v, pd.Timestamp):
        return v.strftime("%Y-%m-%d") if v == v.normalize() else v.strftime("%Y-%m-%dT%H:%M:%S")
    return str(v)


def make(name, steps, y=None, data=None, fit=None, dump="joblib"):
    """Fits a pipeline and pickles it. steps is a list of steps, or a function that makes one."""
    if ONLY and name not in ONLY:
        return
    try:
        data = X if data is None else data
        steps = steps() if callable(steps) else steps
        pipeline = PMMLPipeline([(f"s{i}", s) for i, s in enumerate(steps)])
        pipeline.fit(data, y, **(fit or {}))
        store(name, pipeline, data, dump)
    except Exception as e:  # some library versions do not agree with each other: the others still count
        print(f"{name}: not fitted: {type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}", file=sys.stderr)
        if os.environ.get("TRACE"):
            traceback.print_exc()


def store(name, pipeline, data, dump="joblib"):
    target = WORK / f"{name}.pkl"
    pipeline = _escape(pipeline, escape_func=_escape)
    if dump == "dill":
        import dill
        with open(target, "wb") as f:
            dill.dump(pipeline, f)
    else:
        joblib.dump(pipeline, target, compress=3)
    sample(name, data)
    done.append(f"{target}\t{OUT / name}.pmml\n")


def finish():
    (WORK / f"{Path(sys.argv[0]).stem}.jobs").write_text("".join(done))
    print(f"{len(done)} pipelines")
