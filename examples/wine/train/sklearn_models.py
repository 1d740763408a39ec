"""Trains the PMML models with scikit-learn and writes them with sklearn2pmml.

Each takes the features under another spelling of their names, as models from
different teams do; the server matches them to the record's fields.
"""

import re

import pandas as pd
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn2pmml import sklearn2pmml
from sklearn2pmml.pipeline import PMMLPipeline

import data

VERIFICATION_ROWS = 5  # written into the document, for the server to check itself by


def spaces(name):
    return name.replace("_", " ")


def dashes(name):
    return name.replace("_", "-")


def camel(name):
    return name if name == "pH" else "".join(part.capitalize() for part in name.split("_"))


def snake(name):
    return name


# name: (spelling, the pipeline's steps)
CLASSIFIERS = {
    "forest": (spaces, [
        ("forest", RandomForestClassifier(n_estimators=10, max_leaf_nodes=64, random_state=0))]),
    "network": (snake, [
        ("scale", StandardScaler()),
        ("network", MLPClassifier((16, 8), alpha=0.01, max_iter=1500, random_state=0))]),
    "logistic": (camel, [
        ("scale", StandardScaler()),
        ("logistic", LogisticRegression(max_iter=1000))]),
}
REGRESSORS = {
    "boosting": (dashes, [
        ("boosting", GradientBoostingRegressor(n_estimators=60, max_depth=3, random_state=0))]),
    "linear": (snake, [("linear", LinearRegression())]),
}
REJECTED = ["broken", "tampered"]  # see write_rejected


def fit(name, spelling, steps):
    x, y, train = data.load()
    frame = pd.DataFrame(x, columns=[spelling(f) for f in data.FEATURES])
    pipeline = PMMLPipeline(steps)
    pipeline.fit(frame[train], pd.Series(y[train], name="quality"))
    score = pipeline.score(frame[~train], y[~train])
    print(f"{name}: {score:.3f} on the rows held out")
    pipeline.verify(frame.sample(VERIFICATION_ROWS, random_state=0), precision=1e-9, zeroThreshold=1e-12)
    sklearn2pmml(pipeline, data.MODELS / f"{name}.pmml")
    return pipeline, frame


def main():
    data.MODELS.mkdir(exist_ok=True)
    for name, (spelling, steps) in CLASSIFIERS.items():
        pipeline, frame = fit(name, spelling, steps)
        columns = {"quality": pipeline.predict(frame)}
        probabilities = pipeline.predict_proba(frame)
        for i, quality in enumerate(pipeline.classes_):
            columns[f"probability({quality})"] = probabilities[:, i]
        data.write_expected(name, columns)
    for name, (spelling, steps) in REGRESSORS.items():
        pipeline, frame = fit(name, spelling, steps)
        data.write_expected(name, {"quality": pipeline.predict(frame)})
    write_rejected()


def write_rejected():
    """Two documents that a server has to reject, made of the linear one."""
    good = (data.MODELS / "linear.pmml").read_text()

    # Reads a field that it never declares: does not load.
    broken = good.replace('<NumericPredictor name="sulphates"', '<NumericPredictor name="sulfates"')
    assert broken != good
    (data.MODELS / "broken.pmml").write_text(broken)

    # One coefficient changed after the verification rows were written: loads,
    # and does not give the answers that it promises.
    tampered = re.sub(r'(name="alcohol" coefficient=")[^"]*"', r'\g<1>3.0"', good)
    assert tampered != good
    (data.MODELS / "tampered.pmml").write_text(tampered)


if __name__ == "__main__":
    main()
