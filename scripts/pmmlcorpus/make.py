"""Makes model/pmml/testdata/corpus: small documents of scikit-learn, XGBoost and
LightGBM models, with inputs and the answers of JPMML-evaluator. Arguments: the folder, a folder for work, and the
names of documents to make; without names everything is made anew.

Run by run.sh, which brings the libraries. Everything is seeded: the same
versions make the same files. A document that differs in the reference from the
library that trained it would show in sklearn2pmml's own verification data,
which is written into every document ("verify") and checked at load.
"""

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.cluster import KMeans
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (AdaBoostRegressor, BaggingClassifier, ExtraTreesClassifier,
                              GradientBoostingClassifier, GradientBoostingRegressor, HistGradientBoostingClassifier,
                              IsolationForest, RandomForestClassifier, RandomForestRegressor, StackingClassifier,
                              VotingClassifier, VotingRegressor)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (ElasticNet, LinearRegression, LogisticRegression, PoissonRegressor,
                                  GammaRegressor, Ridge, RidgeClassifier, SGDClassifier, TweedieRegressor)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (Binarizer, KBinsDiscretizer, MaxAbsScaler, MinMaxScaler, OneHotEncoder, OrdinalEncoder,
                                   PolynomialFeatures, PowerTransformer, RobustScaler, StandardScaler)
from sklearn.svm import SVC, SVR, LinearSVC, OneClassSVM
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn2pmml import sklearn2pmml
from sklearn2pmml.decoration import CategoricalDomain, ContinuousDomain
from sklearn2pmml.pipeline import PMMLPipeline
from sklearn2pmml.preprocessing import ExpressionTransformer
from xgboost import XGBClassifier, XGBRegressor
from lightgbm import LGBMClassifier, LGBMRegressor

warnings.filterwarnings("ignore")
OUT = Path(sys.argv[1])
WORK = Path(sys.argv[2])
ROWS = 24  # of each input file

rng = np.random.RandomState(7)
N = 300
X = pd.DataFrame({
    "length": np.round(rng.normal(5, 2, N), 2),
    "width": np.round(rng.gamma(2, 1.5, N), 2),
    "age": rng.randint(18, 90, N),
    "colour": rng.choice(["red", "green", "blue"], N),
    "smoker": rng.choice(["yes", "no"], N),
})
score = X.length - 1.5 * X.width + 0.05 * X.age + (X.colour == "red") * 2 + rng.normal(0, 1, N)
AMOUNT = np.round(np.exp(score / 4) + 1, 3)
SORT = np.where(score > 4, "high", np.where(score > 1, "mid", "low"))
YES = np.where(score > 2, "yes", "no")
TEXT = pd.Series([" ".join(rng.choice(["sun", "rain", "wind", "snow", "fog", "ice"], rng.randint(2, 9))) for _ in range(N)], name="text")

NUMBERS = ["length", "width", "age"]
LABELS = ["colour", "smoker"]


def encode(scaler=None):
    return ColumnTransformer([
        ("n", scaler if scaler is not None else "passthrough", NUMBERS),
        ("c", OneHotEncoder(sparse_output=False), LABELS),
    ])


def domains():
    """Mining schemas with missing, invalid and outlying values."""
    return ColumnTransformer([
        ("length", ContinuousDomain(missing_value_replacement=4.0, outlier_treatment="as_extreme_values", low_value=0, high_value=9), ["length"]),
        ("width", make_pipeline(ContinuousDomain(invalid_value_treatment="as_is"), SimpleImputer()), ["width"]),
        ("colour", make_pipeline(CategoricalDomain(invalid_value_treatment="as_missing", missing_value_replacement="blue"), OneHotEncoder(sparse_output=False)), ["colour"]),
    ])


def steps(t):
    return [(f"s{i}", s) for i, s in enumerate(t)]


def pipelines():
    """Name, pipeline, target."""
    few = dict(random_state=1)
    yield "tree-classes", [encode(), DecisionTreeClassifier(max_depth=4, **few)], SORT
    yield "tree-numbers", [encode(), DecisionTreeRegressor(max_depth=4, **few)], AMOUNT
    yield "forest-classes", [encode(), RandomForestClassifier(8, max_depth=4, **few)], SORT
    yield "forest-numbers", [encode(), RandomForestRegressor(8, max_depth=4, **few)], AMOUNT
    yield "extra-trees", [encode(), ExtraTreesClassifier(6, max_depth=4, **few)], YES
    yield "boosting-two", [encode(), GradientBoostingClassifier(n_estimators=6, max_depth=3, **few)], YES
    yield "boosting-three", [encode(), GradientBoostingClassifier(n_estimators=4, max_depth=2, **few)], SORT
    yield "boosting-numbers", [encode(), GradientBoostingRegressor(n_estimators=6, max_depth=3, **few)], AMOUNT
    yield "hist-boosting", [encode(), HistGradientBoostingClassifier(max_iter=5, max_depth=3, **few)], SORT
    yield "ada-numbers", [encode(), AdaBoostRegressor(DecisionTreeRegressor(max_depth=2, **few), n_estimators=5, **few)], AMOUNT
    yield "bagging", [encode(), BaggingClassifier(DecisionTreeClassifier(max_depth=3, **few), n_estimators=4, **few)], SORT
    yield "isolation-forest", [encode(), IsolationForest(n_estimators=6, max_samples=40, **few)], None
    yield "voting-classes", [encode(), VotingClassifier([("a", DecisionTreeClassifier(max_depth=3, **few)), ("b", LogisticRegression(max_iter=500))], voting="soft", weights=[1, 2])], SORT
    yield "voting-numbers", [encode(), VotingRegressor([("a", DecisionTreeRegressor(max_depth=3, **few)), ("b", LinearRegression())])], AMOUNT
    yield "stacking", [encode(), StackingClassifier([("a", DecisionTreeClassifier(max_depth=3, **few)), ("b", LogisticRegression(max_iter=500))], final_estimator=LogisticRegression())], YES
    yield "xgboost-two", [encode(), XGBClassifier(n_estimators=6, max_depth=3, **few)], (YES == "yes").astype(int)
    yield "xgboost-three", [encode(), XGBClassifier(n_estimators=4, max_depth=3, **few)], np.searchsorted(["high", "low", "mid"], SORT)
    yield "xgboost-numbers", [encode(), XGBRegressor(n_estimators=6, max_depth=3, **few)], AMOUNT
    yield "xgboost-poisson", [encode(), XGBRegressor(n_estimators=6, max_depth=3, objective="count:poisson", **few)], np.round(AMOUNT)
    yield "lightgbm-two", [encode(), LGBMClassifier(n_estimators=6, num_leaves=7, verbose=-1, **few)], YES
    yield "lightgbm-three", [encode(), LGBMClassifier(n_estimators=4, num_leaves=7, verbose=-1, **few)], SORT
    yield "lightgbm-numbers", [encode(), LGBMRegressor(n_estimators=6, num_leaves=7, verbose=-1, **few)], AMOUNT
    yield "linear", [encode(), LinearRegression()], AMOUNT
    yield "ridge-robust", [encode(RobustScaler()), Ridge()], AMOUNT
    yield "elastic-polynomial", [encode(PolynomialFeatures(2, include_bias=False)), ElasticNet(alpha=0.5)], AMOUNT
    yield "logistic-two", [encode(StandardScaler()), LogisticRegression()], YES
    yield "logistic-three", [encode(StandardScaler()), LogisticRegression()], SORT
    yield "one-vs-rest", [encode(StandardScaler()), OneVsRestClassifier(LogisticRegression())], SORT
    yield "ridge-classes", [encode(StandardScaler()), RidgeClassifier()], SORT
    yield "sgd", [encode(StandardScaler()), SGDClassifier(loss="log_loss", **few)], YES
    yield "discriminant", [encode(StandardScaler()), LinearDiscriminantAnalysis()], SORT
    yield "poisson", [encode(MaxAbsScaler()), PoissonRegressor()], AMOUNT
    yield "gamma", [encode(MinMaxScaler()), GammaRegressor()], AMOUNT
    yield "tweedie", [encode(MinMaxScaler()), TweedieRegressor(power=1.5, link="log")], AMOUNT
    yield "network-classes", [encode(StandardScaler()), MLPClassifier(hidden_layer_sizes=(5, 4), activation="tanh", max_iter=60, **few)], SORT
    yield "network-two", [encode(MinMaxScaler()), MLPClassifier(hidden_layer_sizes=(6,), activation="logistic", max_iter=60, **few)], YES
    yield "network-numbers", [encode(StandardScaler()), MLPRegressor(hidden_layer_sizes=(6,), activation="relu", max_iter=60, **few)], AMOUNT
    yield "svm-rbf", [encode(StandardScaler()), SVC(kernel="rbf", C=0.5)], SORT
    yield "svm-polynomial", [encode(StandardScaler()), SVC(kernel="poly", degree=2)], YES
    yield "svm-sigmoid", [encode(StandardScaler()), SVC(kernel="sigmoid")], YES
    yield "svm-numbers", [encode(StandardScaler()), SVR(kernel="linear", C=0.1)], AMOUNT
    yield "svm-linear", [encode(StandardScaler()), LinearSVC(**few)], SORT
    yield "svm-one-class", [encode(StandardScaler()), OneClassSVM(nu=0.2)], None
    yield "k-means", [ColumnTransformer([("n", StandardScaler(), NUMBERS)]), KMeans(4, n_init=3, **few)], None
    yield "neighbours-classes", [ColumnTransformer([("n", "passthrough", NUMBERS)]), KNeighborsClassifier(3)], SORT
    yield "neighbours-numbers", [ColumnTransformer([("n", "passthrough", NUMBERS)]), KNeighborsRegressor(3, metric="manhattan")], AMOUNT
    yield "bayes", [ColumnTransformer([("n", "passthrough", NUMBERS)]), GaussianNB()], SORT
    yield "dummy", [encode(), DummyClassifier(strategy="prior")], SORT
    yield "bins", [ColumnTransformer([("b", KBinsDiscretizer(4, encode="onehot-dense", strategy="uniform"), ["length", "width"]), ("a", Binarizer(threshold=40), ["age"])]), LogisticRegression()], YES
    yield "ordinal", [ColumnTransformer([("o", OrdinalEncoder(), LABELS), ("n", "passthrough", NUMBERS)]), DecisionTreeClassifier(max_depth=4, **few)], SORT
    yield "power", [ColumnTransformer([("p", PowerTransformer(), ["length", "age"])]), LinearRegression()], AMOUNT
    yield "domains", [domains(), LogisticRegression()], YES
    yield "expression", [ColumnTransformer([("e", ExpressionTransformer("numpy.log(X['age']) * X['length'] - X['width'] if X['width'] > 2 else X['age'] / 3"), ["length", "width", "age"]), ("n", "passthrough", ["length"])]), LinearRegression()], AMOUNT


def texts():
    few = dict(random_state=1)
    yield "text-counts", [CountVectorizer(), RandomForestClassifier(4, max_depth=3, **few)], YES
    yield "text-tfidf", [TfidfVectorizer(norm=None), LogisticRegression()], YES


def inputs(columns, seed):
    """Rows of the data and rows with what is missing, strange or extreme."""
    r = np.random.RandomState(seed)
    table = [list(map(str, X.loc[i, columns])) for i in r.choice(N, ROWS - 8, replace=False)]
    extreme = {"length": ["-1e9", "1e9", "0"], "width": ["-3", "1e30", "0"], "age": ["0", "17", "1000000"], "colour": ["red", "violet", ""], "smoker": ["yes", "maybe", "no"]}
    for k in range(8):
        row = list(map(str, X.loc[r.randint(N), columns]))
        at = r.randint(len(columns))
        row[at] = "NA" if k < 4 else extreme[columns[at]][k % 3]
        table.append(row)
    return table


def write(path, header, table):
    path.write_text("\n".join("\t".join(row) for row in [header] + table) + "\n")


def squeeze(path):
    """Drops the time stamp and the indentation: files are compared and small."""
    s = path.read_text()
    s = re.sub(r"\s*<Timestamp>.*?</Timestamp>", "", s)
    s = re.sub(r"\n\t+", "\n", s)
    path.write_text(s)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    keep = set(sys.argv[3:])  # names to make; none is all
    for old in [] if keep else OUT.glob("*"):
        old.unlink()
    jobs, made = [], []
    for seed, (name, parts, y) in enumerate(list(pipelines()) + list(texts())):
        document = OUT / f"{name}.pmml"
        text = name.startswith("text")
        data = TEXT if text else X
        if not text:
            used = [c for _, _, cs in parts[0].transformers for c in cs]
            data = X[sorted(set(used), key=list(X.columns).index)]
        source = OUT / f"{name}.input.tsv"
        jobs.append(f"{document}\t{source}\t{OUT / (name + '.expected.tsv')}\n")
        made.append((name, type(parts[-1]).__module__.split(".")[0], type(parts[-1]).__name__))
        if keep and name not in keep:
            continue
        pipeline = PMMLPipeline(steps(parts))
        target = None if y is None else pd.Series(y, name="target")
        pipeline.fit(data, target)
        if "domains" not in name:
            pipeline.verify(data.iloc[:5], precision=1e-5, zeroThreshold=1e-7)
        try:
            sklearn2pmml(pipeline, str(document))
        except Exception as e:  # the converter does not know the estimator
            print(f"{name}: not converted: {str(e).splitlines()[-1] if str(e) else e}", file=sys.stderr)
            document.unlink(missing_ok=True)
            jobs.pop(), made.pop()
            continue
        squeeze(document)
        if text:
            write(source, ["text"], [[TEXT[i]] for i in range(10)] + [["Sun, SUN and snow."], ["NA"], ["nothing known"]])
        else:
            columns = list(data.columns)
            write(source, columns, inputs(columns, seed))
        print(name, flush=True)
    reference("".join(jobs))
    manifest(made)


def reference(jobs):
    import jpmml_evaluator
    jars = str(Path(jpmml_evaluator.__file__).parent / "dependencies" / "*")
    here = Path(__file__).parent
    subprocess.run(["javac", "-cp", jars, "-d", str(WORK), str(here / "Reference.java")], check=True)
    subprocess.run(["java", "-Xmx512m", "-cp", str(WORK) + os.pathsep + jars, "Reference"], input=jobs, text=True, check=True)


def manifest(made):
    lines = ["name\tlibrary\testimator\telements"]
    for name, library, estimator in made:
        s = (OUT / f"{name}.pmml").read_text()
        elements = sorted(set(re.findall(r"<([A-Z]\w+)", s)) - {"PMML", "Header", "Application", "DataDictionary", "DataField"})
        lines.append(f"{name}\t{library}\t{estimator}\t{'|'.join(elements)}")
    (OUT / "manifest.tsv").write_text("\n".join(lines) + "\n")


main()
