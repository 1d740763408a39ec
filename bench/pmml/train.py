"""Trains the models of the benchmark on the wines of the demo and writes them as
PMML documents into the folder that is the only argument."""

import pathlib
import sys

import pandas as pd
from lightgbm import LGBMRegressor
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn2pmml import sklearn2pmml
from sklearn2pmml.pipeline import PMMLPipeline
from xgboost import XGBRegressor

WINE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "wine"

MODELS = {
    "gb-100x6": [("model", GradientBoostingRegressor(n_estimators=100, max_depth=6, random_state=0))],
    "xgboost-500x6": [("model", XGBRegressor(n_estimators=500, max_depth=6, learning_rate=0.05, random_state=0, n_jobs=1))],
    "lightgbm-500x31": [("model", LGBMRegressor(n_estimators=500, num_leaves=31, random_state=0, n_jobs=1, verbose=-1))],
    "rf-100-deep": [("model", RandomForestClassifier(n_estimators=100, random_state=0))],
    "logistic": [("model", LogisticRegression(solver="newton-cholesky", max_iter=1000))],
    "network-32-16": [("scale", StandardScaler()), ("model", MLPClassifier((32, 16), max_iter=1500, random_state=0))],
    "svm-rbf": [("scale", StandardScaler()), ("model", SVC(kernel="rbf", gamma="scale"))],
}


def main(folder):
    x = pd.read_csv(WINE / "wine.csv")
    y = pd.read_csv(WINE / "quality.csv")["quality"]
    for name, steps in MODELS.items():
        print(f"training {name} …", flush=True)
        pipeline = PMMLPipeline(steps)
        pipeline.fit(x, y)
        sklearn2pmml(pipeline, folder / f"{name}.pmml")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
