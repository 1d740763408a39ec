"""The red-wine data: the files wine.csv and quality.csv, and how to read them."""

import csv
import io
import pathlib
import sys
import zipfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent.parent
MODELS = HERE / "models"
EXPECTED = HERE / "expected"

# The names that WineRecord's fields have.
FEATURES = [
    "fixed_acidity", "volatile_acidity", "citric_acid", "residual_sugar",
    "chlorides", "free_sulfur_dioxide", "total_sulfur_dioxide", "density",
    "pH", "sulphates", "alcohol",
]
QUALITIES = [3, 4, 5, 6, 7, 8]

# The expected predictions are of every fourth row: small files, all qualities.
EXPECTED_STEP = 4


def extract(wheel):
    """Writes wine.csv and quality.csv from the wheel that carries the data."""
    with zipfile.ZipFile(wheel) as z:
        text = z.read("dataprep/datasets/data/wine-quality-red.csv").decode()
    header, *rows = csv.reader(io.StringIO(text))
    assert header == FEATURES + ["class"] and len(rows) == 1599, (header, len(rows))
    write_csv(HERE / "wine.csv", FEATURES, ([repr(float(v)) for v in row[:-1]] for row in rows))
    write_csv(HERE / "quality.csv", ["quality"], ([row[-1]] for row in rows))


def load():
    """Returns the features (float64), the qualities, and which rows to train with."""
    x = np.loadtxt(HERE / "wine.csv", delimiter=",", skiprows=1)
    y = np.loadtxt(HERE / "quality.csv", delimiter=",", skiprows=1, dtype=int)
    train = np.random.default_rng(0).random(len(y)) < 0.8
    return x, y, train


def write_expected(name, columns):
    """Writes predictions, a column each, for every fourth row of wine.csv.

    The column `row` counts the rows of wine.csv from 0.
    """
    rows = range(0, len(next(iter(columns.values()))), EXPECTED_STEP)
    lines = ([i, *(str(c[i]) for c in columns.values())] for i in rows)
    EXPECTED.mkdir(exist_ok=True)
    write_csv(EXPECTED / f"{name}.csv", ["row", *columns], lines)


def write_csv(path, header, rows):
    with open(path, "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)


if __name__ == "__main__":
    extract(sys.argv[1])
