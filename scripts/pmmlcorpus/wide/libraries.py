"""XGBoost, LightGBM and the libraries that sklearn2pmml-extension converts."""

import warnings

import common  # first: it mends what sklearn-pandas imports
import numpy as np
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier
from sklearn2pmml.decoration import CategoricalDomain, ContinuousDomain
from sklearn2pmml.preprocessing.lightgbm import make_lightgbm_column_transformer
from sklearn2pmml.preprocessing.xgboost import make_xgboost_column_transformer
from xgboost import XGBClassifier, XGBRegressor, XGBRFClassifier, XGBRFRegressor

from common import AMOUNT, BIT, COUNT, GRADE, LAB, NUM, SORT, X, XNA, YES, finish, make

warnings.filterwarnings("ignore")
few = dict(random_state=1)


def enc():
    return ColumnTransformer([("n", "passthrough", NUM), ("c", OneHotEncoder(sparse_output=False), LAB)])


def numbers():
    return ColumnTransformer([(c, ContinuousDomain(), [c]) for c in NUM])


def xgb():
    size = dict(n_estimators=5, max_depth=3, **few)
    for o in ("reg:squarederror", "reg:squaredlogerror", "reg:logistic", "reg:pseudohubererror", "reg:absoluteerror", "count:poisson", "reg:gamma", "reg:tweedie", "survival:cox"):
        y = COUNT if o.startswith("count") else np.clip(AMOUNT / 400, 0, 1) if o == "reg:logistic" else AMOUNT
        make(f"xgb-{o.replace(':', '-')}", lambda: [enc(), XGBRegressor(objective=o, **size)], y)
        make(f"xgbna-{o.replace(':', '-')}", lambda: [numbers(), XGBRegressor(objective=o, **size)], y, XNA)
    make("xgb-quantile", lambda: [enc(), XGBRegressor(objective="reg:quantileerror", quantile_alpha=0.7, **size)], AMOUNT)
    make("xgb-dart", lambda: [enc(), XGBRegressor(booster="dart", rate_drop=0.2, **size)], AMOUNT)
    make("xgb-linear", lambda: [enc(), XGBRegressor(booster="gblinear", n_estimators=4, **few)], AMOUNT)
    for o in ("binary:logistic", "binary:logitraw", "binary:hinge"):
        make(f"xgb-{o.replace(':', '-')}", lambda: [enc(), XGBClassifier(objective=o, **size)], BIT)
        make(f"xgbna-{o.replace(':', '-')}", lambda: [numbers(), XGBClassifier(objective=o, **size)], BIT, XNA)
    for o in ("multi:softprob", "multi:softmax"):
        make(f"xgb-{o.replace(':', '-')}", lambda: [enc(), XGBClassifier(objective=o, **size)], GRADE)
    make("xgb-rf", lambda: [enc(), XGBRFRegressor(n_estimators=5, max_depth=3, **few)], AMOUNT)
    make("xgb-rfc", lambda: [enc(), XGBRFClassifier(n_estimators=5, max_depth=3, **few)], BIT)
    make("xgb-lossguide", lambda: [enc(), XGBClassifier(grow_policy="lossguide", max_leaves=6, tree_method="hist", **size)], BIT)
    make("xgb-base", lambda: [enc(), XGBRegressor(base_score=3.0, **size)], AMOUNT)
    data = X[NUM + LAB].astype({c: "category" for c in LAB})
    for cats in (dict(max_cat_to_onehot=1), dict(max_cat_to_onehot=10)):
        make(f"xgb-cat-{cats['max_cat_to_onehot']}", lambda: [make_xgboost_column_transformer(data.dtypes, missing_value_aware=True), XGBClassifier(enable_categorical=True, tree_method="hist", feature_types=["float"] * 4 + ["c"] * 2, **cats, **size)], BIT, X[NUM + LAB])


def lgb():
    size = dict(n_estimators=5, num_leaves=6, verbose=-1, min_child_samples=5, **few)
    for o in ("regression", "regression_l1", "huber", "fair", "poisson", "quantile", "mape", "gamma", "tweedie", "cross_entropy"):
        y = np.clip(AMOUNT / 400, 0, 1) if o == "cross_entropy" else AMOUNT
        make(f"lgb-{o}", lambda: [enc(), LGBMRegressor(objective=o, **size)], y)
        make(f"lgbna-{o}", lambda: [numbers(), LGBMRegressor(objective=o, **size)], y, XNA)
    for o in ("binary", "cross_entropy"):
        make(f"lgb-c-{o}", lambda: [enc(), LGBMClassifier(objective=o, **size)], BIT)
    for o in ("multiclass", "multiclassova"):
        make(f"lgb-c-{o}", lambda: [enc(), LGBMClassifier(objective=o, **size)], SORT)
        make(f"lgbna-c-{o}", lambda: [numbers(), LGBMClassifier(objective=o, **size)], SORT, XNA)
    make("lgb-rf", lambda: [enc(), LGBMRegressor(boosting_type="rf", subsample=0.7, subsample_freq=1, **size)], AMOUNT)
    make("lgb-rfc", lambda: [enc(), LGBMClassifier(boosting_type="rf", subsample=0.7, subsample_freq=1, **size)], SORT)
    make("lgb-dart", lambda: [enc(), LGBMClassifier(boosting_type="dart", **size)], SORT)
    make("lgb-zero", lambda: [numbers(), LGBMClassifier(zero_as_missing=True, **size)], SORT)
    make("lgb-nomissing", lambda: [numbers(), LGBMClassifier(use_missing=False, **size)], SORT)
    for y, name in ((YES, "2"), (SORT, "3")):
        make(f"lgb-cat{name}", lambda: [make_lightgbm_column_transformer(X[NUM + LAB].astype({c: "category" for c in LAB}).dtypes, missing_value_aware=True)[0], LGBMClassifier(**size)], y, X[NUM + LAB], fit={"s1__categorical_feature": [4, 5]})
        make(f"lgb-catord{name}", lambda: [ColumnTransformer([("n", "passthrough", NUM), ("c", make_pipeline(CategoricalDomain(invalid_value_treatment="as_is"), OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)), LAB)]), LGBMClassifier(**size)], y, X, fit={"s1__categorical_feature": [4, 5]})


def encoders():
    import category_encoders as ce
    for name, e in {
        "basen": lambda: ce.BaseNEncoder(base=3), "binary": lambda: ce.BinaryEncoder(), "catboost": lambda: ce.CatBoostEncoder(), "count": lambda: ce.CountEncoder(), "count-norm": lambda: ce.CountEncoder(normalize=True, min_group_size=20), "loo": lambda: ce.LeaveOneOutEncoder(), "onehot": lambda: ce.OneHotEncoder(), "ordinal": lambda: ce.OrdinalEncoder(), "target": lambda: ce.TargetEncoder(smoothing=2.0), "woe": lambda: ce.WOEEncoder(),
        "target-error": lambda: ce.TargetEncoder(handle_unknown="error", handle_missing="error"), "ordinal-error": lambda: ce.OrdinalEncoder(handle_unknown="error", handle_missing="error"), "onehot-ret": lambda: ce.OneHotEncoder(handle_unknown="return_nan", handle_missing="return_nan"),
    }.items():
        y = BIT if name == "woe" else AMOUNT
        m = LogisticRegression if name == "woe" else LinearRegression
        make(f"ce-{name}", lambda: [ColumnTransformer([("e", e(), LAB), ("n", "passthrough", ["len"])]), m()], y)
        make(f"cena-{name}", lambda: [ColumnTransformer([("e", e(), LAB), ("n", "passthrough", ["age"])]), m()], y, XNA)


def others():
    from imblearn.ensemble import BalancedBaggingClassifier, BalancedRandomForestClassifier
    make("imb-bagging", lambda: [enc(), BalancedBaggingClassifier(DecisionTreeClassifier(max_depth=3), n_estimators=4, **few)], SORT)
    make("imb-forest", lambda: [enc(), BalancedRandomForestClassifier(5, max_depth=3, **few)], SORT)
    from interpret.glassbox import (ClassificationTree, ExplainableBoostingClassifier, ExplainableBoostingRegressor,
                                    LinearRegression as GlassLinear, LogisticRegression as GlassLogistic, RegressionTree)
    for inter in (0, 2):
        make(f"ebm-c-{inter}", lambda: [ColumnTransformer([("n", "passthrough", NUM), ("c", "passthrough", LAB)]), ExplainableBoostingClassifier(max_bins=8, interactions=inter, outer_bags=2, **few)], YES)
        make(f"ebm-r-{inter}", lambda: [ColumnTransformer([("n", "passthrough", NUM), ("c", "passthrough", LAB)]), ExplainableBoostingRegressor(max_bins=8, interactions=inter, outer_bags=2, **few)], AMOUNT)
    make("ebm-c3", lambda: [ColumnTransformer([("n", "passthrough", NUM)]), ExplainableBoostingClassifier(max_bins=8, interactions=0, outer_bags=2, **few)], SORT)
    make("glass-tree", lambda: [numbers(), ClassificationTree(max_depth=3)], YES)
    make("glass-rtree", lambda: [numbers(), RegressionTree(max_depth=3)], AMOUNT)
    make("glass-linear", lambda: [numbers(), GlassLinear()], AMOUNT)
    make("glass-logistic", lambda: [numbers(), GlassLogistic()], YES)
    from sklego.meta import EstimatorTransformer, OrdinalClassifier
    make("lego-ordinal", lambda: [numbers(), OrdinalClassifier(LogisticRegression(max_iter=300))], GRADE)
    make("lego-estimator", lambda: [ColumnTransformer([("n", EstimatorTransformer(LinearRegression()), NUM)]), LinearRegression()], AMOUNT)
    from optbinning import BinningProcess, ContinuousOptimalBinning, MulticlassOptimalBinning, OptimalBinning, Scorecard
    make("opt-num", lambda: [ColumnTransformer([("b", OptimalBinning("len", dtype="numerical"), "len")]), LogisticRegression()], BIT)
    make("opt-process", lambda: [BinningProcess(["len", "wid", "col", "smk"], categorical_variables=["col", "smk"]), LogisticRegression()], BIT, X[["len", "wid", "col", "smk"]])
    make("opt-process-na", lambda: [BinningProcess(["len", "wid", "col", "smk"], categorical_variables=["col", "smk"]), LogisticRegression()], BIT, XNA[["len", "wid", "col", "smk"]])
    make("opt-process-r", lambda: [BinningProcess(["len", "wid", "age"]), LinearRegression()], AMOUNT, X[["len", "wid", "age"]])
    for scaling in (None, "min_max", "pdo_odds"):
        k = {} if scaling is None else dict(scaling_method=scaling, scaling_method_params={"min": 0, "max": 100} if scaling == "min_max" else {"pdo": 20, "odds": 50, "scorecard_points": 600})
        make(f"opt-scorecard-{scaling}", lambda: [Scorecard(BinningProcess(["len", "wid", "age"]), LogisticRegression(), **k)], BIT, X[["len", "wid", "age"]])
        make(f"opt-scorecard-rc-{scaling}", lambda: [Scorecard(BinningProcess(["len", "wid", "age"]), LogisticRegression(), intercept_based=scaling is not None, reverse_scorecard=True, **k)], BIT, XNA[["len", "wid", "age"]])


for part in (xgb, lgb, encoders, others):
    try:
        part()
    except ImportError as e:
        print(f"{part.__name__}: {e}")
finish()
