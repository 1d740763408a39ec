"""Every estimator that sklearn2pmml converts, on simple encodings of the same table."""

import warnings

from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.cross_decomposition import PLSRegression
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (AdaBoostClassifier, AdaBoostRegressor, BaggingClassifier, BaggingRegressor, ExtraTreesClassifier,
                              ExtraTreesRegressor, GradientBoostingClassifier, GradientBoostingRegressor,
                              HistGradientBoostingClassifier, HistGradientBoostingRegressor, IsolationForest,
                              RandomForestClassifier, RandomForestRegressor, StackingClassifier, StackingRegressor,
                              VotingClassifier, VotingRegressor)
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (ARDRegression, BayesianRidge, ElasticNet, ElasticNetCV, GammaRegressor, HuberRegressor, Lars,
                                  LarsCV, Lasso, LassoCV, LassoLars, LassoLarsCV, LinearRegression, LogisticRegression,
                                  LogisticRegressionCV, OrthogonalMatchingPursuit, Perceptron, PoissonRegressor,
                                  QuantileRegressor, Ridge, RidgeClassifier, RidgeClassifierCV, RidgeCV, SGDClassifier,
                                  SGDOneClassSVM, SGDRegressor, TheilSenRegressor, TweedieRegressor)
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestCentroid, NearestNeighbors
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR, NuSVC, NuSVR, OneClassSVM
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor
from sklearn2pmml.ensemble import (EstimatorChain, GBDTLMRegressor, GBDTLRClassifier, Link, SelectFirstClassifier,
                                   SelectFirstRegressor)
from sklearn2pmml.expression import ExpressionClassifier, ExpressionRegressor
from sklearn2pmml.ruleset import RuleSetClassifier
from sklearn2pmml.tree.chaid import CHAIDClassifier, CHAIDRegressor
from sklearn2pmml.util import Expression, Predicate

import pandas as pd

from common import AMOUNT, BIT, COUNT, GRADE, LAB, NUM, SORT, X, XNA, YES, finish, make

warnings.filterwarnings("ignore")
few = dict(random_state=1)


def enc(scaler="passthrough"):
    return ColumnTransformer([("n", scaler, NUM), ("c", OneHotEncoder(sparse_output=False), LAB)])


def scaled():
    return enc(StandardScaler())


def numbers(scaler="passthrough"):
    return ColumnTransformer([("n", scaler, NUM)])


CLASSIFIERS = {
    "tree": lambda: DecisionTreeClassifier(max_depth=5, **few),
    "tree-entropy-balanced": lambda: DecisionTreeClassifier(max_depth=3, criterion="entropy", class_weight="balanced", **few),
    "extratree": lambda: ExtraTreeClassifier(max_depth=5, **few),
    "forest": lambda: RandomForestClassifier(7, max_depth=4, **few),
    "extratrees": lambda: ExtraTreesClassifier(7, max_depth=4, bootstrap=True, **few),
    "ada": lambda: AdaBoostClassifier(DecisionTreeClassifier(max_depth=2, **few), n_estimators=5, **few),
    "ada-stumps": lambda: AdaBoostClassifier(n_estimators=4, **few),
    "bagging": lambda: BaggingClassifier(DecisionTreeClassifier(max_depth=3, **few), 4, max_features=0.6, **few),
    "bagging-logistic": lambda: BaggingClassifier(LogisticRegression(max_iter=300), 3, **few),
    "bagging-noproba": lambda: BaggingClassifier(RidgeClassifier(), 3, **few),
    "gb": lambda: GradientBoostingClassifier(n_estimators=5, **few),
    "gb-tree-init": lambda: GradientBoostingClassifier(n_estimators=3, init="zero", **few),
    "histgb": lambda: HistGradientBoostingClassifier(max_iter=4, max_leaf_nodes=6, **few),
    "voting-soft": lambda: VotingClassifier([("a", DecisionTreeClassifier(max_depth=3, **few)), ("b", LogisticRegression(max_iter=300)), ("c", GaussianNB())], voting="soft"),
    "voting-hard": lambda: VotingClassifier([("a", DecisionTreeClassifier(max_depth=3, **few)), ("b", LogisticRegression(max_iter=300)), ("c", RidgeClassifier())], voting="hard", weights=[1, 2, 1.5]),
    "stacking": lambda: StackingClassifier([("a", DecisionTreeClassifier(max_depth=3, **few)), ("b", LinearSVC(**few))], final_estimator=LogisticRegression()),
    "stacking-pass": lambda: StackingClassifier([("a", DecisionTreeClassifier(max_depth=3, **few)), ("b", LogisticRegression(max_iter=300))], final_estimator=DecisionTreeClassifier(max_depth=3, **few), passthrough=True),
    "stacking-predict": lambda: StackingClassifier([("a", DecisionTreeClassifier(max_depth=3, **few)), ("b", LogisticRegression(max_iter=300))], final_estimator=GradientBoostingClassifier(n_estimators=3, **few), stack_method="predict_proba"),
    "logistic": lambda: LogisticRegression(max_iter=300),
    "logistic-nointercept": lambda: LogisticRegression(fit_intercept=False, max_iter=300),
    "logistic-ovr": lambda: LogisticRegression(multi_class="ovr", max_iter=300),
    "logistic-lib": lambda: LogisticRegression(solver="liblinear", penalty="l1"),
    "logistic-multi": lambda: LogisticRegression(multi_class="multinomial", max_iter=300),
    "logistic-cv": lambda: LogisticRegressionCV(Cs=2, cv=2, max_iter=300),
    "ridge": lambda: RidgeClassifier(), "ridge-cv": lambda: RidgeClassifierCV(),
    "sgd-hinge": lambda: SGDClassifier(**few), "sgd-log": lambda: SGDClassifier(loss="log_loss", **few),
    "sgd-huber": lambda: SGDClassifier(loss="modified_huber", **few), "sgd-squared": lambda: SGDClassifier(loss="squared_hinge", **few),
    "perceptron": lambda: Perceptron(**few),
    "lda": lambda: LinearDiscriminantAnalysis(), "lda-lsqr": lambda: LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    "linearsvc": lambda: LinearSVC(**few),
    "svc-rbf": lambda: SVC(C=0.5), "svc-linear": lambda: SVC(kernel="linear", C=0.2), "svc-poly": lambda: SVC(kernel="poly", degree=3, coef0=1),
    "svc-sigmoid": lambda: SVC(kernel="sigmoid", coef0=0.1), "svc-ovo": lambda: SVC(decision_function_shape="ovo"), "nusvc": lambda: NuSVC(nu=0.3),
    "gaussiannb": lambda: GaussianNB(), "gaussiannb-priors": lambda: GaussianNB(var_smoothing=1e-3),
    "dummy-prior": lambda: DummyClassifier(strategy="prior"), "dummy-most": lambda: DummyClassifier(strategy="most_frequent"),
    "mlp-relu": lambda: MLPClassifier((5, 3), max_iter=60, **few), "mlp-tanh": lambda: MLPClassifier((4,), activation="tanh", max_iter=60, **few),
    "mlp-identity": lambda: MLPClassifier((4, 4), activation="identity", max_iter=60, **few), "mlp-logistic": lambda: MLPClassifier((3,), activation="logistic", max_iter=60, **few),
    "ovr-tree": lambda: OneVsRestClassifier(DecisionTreeClassifier(max_depth=3, **few)), "ovr-svm": lambda: OneVsRestClassifier(LinearSVC(**few)),
    "ovr-gb": lambda: OneVsRestClassifier(GradientBoostingClassifier(n_estimators=3, **few)), "ovr-logistic": lambda: OneVsRestClassifier(LogisticRegression(max_iter=300)),
    "calibrated-sigmoid": lambda: CalibratedClassifierCV(DecisionTreeClassifier(max_depth=3, **few), cv=2),
    "calibrated-isotonic": lambda: CalibratedClassifierCV(RandomForestClassifier(4, max_depth=3, **few), cv=2, method="isotonic"),
    "calibrated-noens": lambda: CalibratedClassifierCV(LinearSVC(**few), cv=2, ensemble=False),
    "calibrated-ridge": lambda: CalibratedClassifierCV(RidgeClassifier(), cv=2, method="isotonic"),
    "grid": lambda: GridSearchCV(DecisionTreeClassifier(**few), {"max_depth": [2, 4]}, cv=2),
    "gbdtlr": lambda: GBDTLRClassifier(GradientBoostingClassifier(n_estimators=4, max_depth=2, **few), LogisticRegression(max_iter=300)),
    "gbdtlr-forest": lambda: GBDTLRClassifier(RandomForestClassifier(4, max_depth=3, **few), LogisticRegression(max_iter=300)),
}

REGRESSORS = {
    "tree": lambda: DecisionTreeRegressor(max_depth=5, **few), "tree-poisson": lambda: DecisionTreeRegressor(max_depth=3, criterion="poisson", **few),
    "extratree": lambda: ExtraTreeRegressor(max_depth=5, **few),
    "forest": lambda: RandomForestRegressor(7, max_depth=4, **few), "extratrees": lambda: ExtraTreesRegressor(7, max_depth=4, **few),
    "ada": lambda: AdaBoostRegressor(DecisionTreeRegressor(max_depth=3, **few), n_estimators=6, **few), "ada-exp": lambda: AdaBoostRegressor(n_estimators=5, loss="exponential", **few),
    "bagging": lambda: BaggingRegressor(DecisionTreeRegressor(max_depth=3, **few), 4, max_features=0.5, **few), "bagging-linear": lambda: BaggingRegressor(LinearRegression(), 3, **few),
    "gb": lambda: GradientBoostingRegressor(n_estimators=6, **few), "gb-huber": lambda: GradientBoostingRegressor(n_estimators=4, loss="huber", **few),
    "gb-quantile": lambda: GradientBoostingRegressor(n_estimators=4, loss="quantile", alpha=0.8, **few), "gb-zero": lambda: GradientBoostingRegressor(n_estimators=4, init="zero", **few),
    "histgb": lambda: HistGradientBoostingRegressor(max_iter=5, max_leaf_nodes=6, **few), "histgb-poisson": lambda: HistGradientBoostingRegressor(max_iter=5, loss="poisson", **few),
    "histgb-gamma": lambda: HistGradientBoostingRegressor(max_iter=4, loss="gamma", **few), "histgb-quantile": lambda: HistGradientBoostingRegressor(max_iter=4, loss="quantile", quantile=0.3, **few),
    "histgb-abs": lambda: HistGradientBoostingRegressor(max_iter=4, loss="absolute_error", **few),
    "voting": lambda: VotingRegressor([("a", DecisionTreeRegressor(max_depth=3, **few)), ("b", LinearRegression())], weights=[1, 3]),
    "stacking": lambda: StackingRegressor([("a", DecisionTreeRegressor(max_depth=3, **few)), ("b", LinearRegression())], final_estimator=Ridge()),
    "stacking-pass": lambda: StackingRegressor([("a", DecisionTreeRegressor(max_depth=3, **few)), ("b", Lasso())], final_estimator=RandomForestRegressor(3, max_depth=3, **few), passthrough=True),
    "linear": lambda: LinearRegression(), "linear-noint": lambda: LinearRegression(fit_intercept=False), "linear-positive": lambda: LinearRegression(positive=True),
    "ard": lambda: ARDRegression(), "bayes": lambda: BayesianRidge(), "elastic": lambda: ElasticNet(0.1), "elastic-cv": lambda: ElasticNetCV(cv=2), "huber": lambda: HuberRegressor(max_iter=300),
    "lars": lambda: Lars(), "lars-cv": lambda: LarsCV(cv=2), "lasso": lambda: Lasso(0.1), "lasso-cv": lambda: LassoCV(cv=2), "lassolars": lambda: LassoLars(0.01), "lassolars-cv": lambda: LassoLarsCV(cv=2),
    "omp": lambda: OrthogonalMatchingPursuit(), "quantile": lambda: QuantileRegressor(quantile=0.7, alpha=0.01), "ridge": lambda: Ridge(), "ridge-cv": lambda: RidgeCV(),
    "sgd": lambda: SGDRegressor(**few), "theilsen": lambda: TheilSenRegressor(max_subpopulation=100, **few),
    "poisson": lambda: PoissonRegressor(max_iter=300), "gamma": lambda: GammaRegressor(max_iter=300), "tweedie": lambda: TweedieRegressor(power=1.5, max_iter=300), "tweedie-identity": lambda: TweedieRegressor(power=0, link="identity"),
    "svr": lambda: SVR(), "svr-linear": lambda: SVR(kernel="linear"), "svr-poly": lambda: SVR(kernel="poly", degree=2), "svr-sigmoid": lambda: SVR(kernel="sigmoid"), "nusvr": lambda: NuSVR(), "linearsvr": lambda: LinearSVR(**few),
    "dummy-mean": lambda: DummyRegressor(), "dummy-median": lambda: DummyRegressor(strategy="median"), "dummy-constant": lambda: DummyRegressor(strategy="constant", constant=3.5), "dummy-q": lambda: DummyRegressor(strategy="quantile", quantile=0.3),
    "mlp-relu": lambda: MLPRegressor(hidden_layer_sizes=(5, 3), max_iter=60, **few), "mlp-tanh": lambda: MLPRegressor(hidden_layer_sizes=(4,), activation="tanh", max_iter=60, **few), "mlp-identity": lambda: MLPRegressor(hidden_layer_sizes=(4,), activation="identity", max_iter=60, **few), "mlp-logistic": lambda: MLPRegressor(hidden_layer_sizes=(3,), activation="logistic", max_iter=60, **few),
    "pls": lambda: PLSRegression(2), "kernelridge-rbf": lambda: KernelRidge(kernel="rbf", gamma=0.1), "kernelridge-poly": lambda: KernelRidge(kernel="poly", degree=2), "kernelridge-sig": lambda: KernelRidge(kernel="sigmoid", gamma=0.01), "kernelridge-lin": lambda: KernelRidge(),
    "ttr-log": lambda: TransformedTargetRegressor(LinearRegression(), func=__import__("numpy").log, inverse_func=__import__("numpy").exp),
    "ttr-scale": lambda: TransformedTargetRegressor(DecisionTreeRegressor(max_depth=3, **few), transformer=StandardScaler()),
    "gbdtlm": lambda: GBDTLMRegressor(GradientBoostingRegressor(n_estimators=4, max_depth=2, **few), LinearRegression()), "gbdtlm-forest": lambda: GBDTLMRegressor(RandomForestRegressor(4, max_depth=3, **few), Ridge()),
    "grid": lambda: GridSearchCV(Ridge(), {"alpha": [0.1, 1]}, cv=2), "frozen": lambda: FrozenEstimator(LinearRegression().fit(scaled().fit_transform(X), AMOUNT)),
}

METRICS = [("euclidean", {}), ("manhattan", {}), ("chebyshev", {}), ("minkowski", {"p": 3}), ("sqeuclidean", {}), ("braycurtis", {}), ("hamming", {}), ("jaccard", {}), ("dice", {}), ("rogerstanimoto", {}), ("russellrao", {}), ("sokalmichener", {}), ("yule", {}), ("canberra", {})]


def families():
    for name, e in CLASSIFIERS.items():
        make(f"c2-{name}", lambda: [scaled(), e()], YES)
        make(f"c3-{name}", lambda: [enc() if "tree" in name or "forest" in name or "gb" in name else scaled(), e()], SORT)
    for name, e in REGRESSORS.items():
        make(f"r-{name}", lambda: [scaled(), e()], AMOUNT)
    make("c2-gb-exponential", lambda: [enc(), GradientBoostingClassifier(n_estimators=4, loss="exponential", **few)], YES)
    make("c2-int", lambda: [enc(), DecisionTreeClassifier(max_depth=4, **few)], BIT)
    make("c3-int", lambda: [enc(), RandomForestClassifier(5, max_depth=4, **few)], GRADE)
    make("c2-bool", lambda: [enc(), RandomForestClassifier(5, max_depth=4, **few)], BIT.astype(bool))
    make("c2-fixed", lambda: [scaled(), FixedThresholdClassifier(LogisticRegression(), threshold=0.3, pos_label="yes")], YES)
    make("c2-tuned", lambda: [scaled(), TunedThresholdClassifierCV(LogisticRegression(), cv=2)], BIT)
    make("r-count-poisson", lambda: [scaled(), PoissonRegressor()], COUNT)


def neighbours():
    for metric, params in METRICS:
        options = dict(metric=metric, metric_params=None, **({"p": params["p"]} if params else {}))
        make(f"knn-c-{metric}", lambda: [numbers(), KNeighborsClassifier(4, **options)], SORT)
        make(f"knn-r-{metric}", lambda: [numbers(MinMaxScaler()), KNeighborsRegressor(4, **options)], AMOUNT)
    make("knn-c-distance", lambda: [numbers(), KNeighborsClassifier(4, weights="distance")], SORT)
    make("knn-r-distance", lambda: [numbers(), KNeighborsRegressor(4, weights="distance")], AMOUNT)
    make("knn-none", lambda: [numbers(StandardScaler()), NearestNeighbors(n_neighbors=3)])
    for metric in ("euclidean", "manhattan"):
        make(f"centroid-{metric}", lambda: [numbers(), NearestCentroid(metric=metric)], SORT)
    make("kmeans", lambda: [numbers(StandardScaler()), KMeans(3, n_init=2, **few)])
    make("kmeans-raw", lambda: [numbers(), KMeans(5, n_init=2, **few)])
    make("kmeans-mini", lambda: [scaled(), MiniBatchKMeans(3, n_init=2, **few)])


def others():
    make("iforest", lambda: [enc(), IsolationForest(n_estimators=5, max_samples=30, **few)])
    make("iforest-contamination", lambda: [numbers(), IsolationForest(n_estimators=6, max_samples=40, contamination=0.1, max_features=2, **few)])
    make("ocsvm", lambda: [scaled(), OneClassSVM(nu=0.2)])
    make("ocsvm-poly", lambda: [scaled(), OneClassSVM(kernel="poly", degree=2)])
    make("ocsvm-sgd", lambda: [scaled(), SGDOneClassSVM(**few)])
    make("isotonic", lambda: [ColumnTransformer([("n", "passthrough", ["len"])]), IsotonicRegression(out_of_bounds="clip")], AMOUNT)
    make("isotonic-nan", lambda: [ColumnTransformer([("n", "passthrough", ["len"])]), IsotonicRegression(out_of_bounds="nan")], AMOUNT)
    counts = ColumnTransformer([("n", "passthrough", ["age", "hits"]), ("c", OneHotEncoder(sparse_output=False), LAB)])
    make("nb-multinomial", lambda: [counts, MultinomialNB()], SORT)
    make("nb-multinomial2", lambda: [counts, MultinomialNB(alpha=0.1, fit_prior=False)], YES)
    make("nb-complement", lambda: [counts, ComplementNB()], SORT)
    make("nb-complement-norm", lambda: [counts, ComplementNB(norm=True)], YES)
    flags = ColumnTransformer([("c", OneHotEncoder(sparse_output=False), LAB)])
    make("nb-bernoulli", lambda: [flags, BernoulliNB(binarize=None)], SORT)
    make("nb-bernoulli-bin", lambda: [scaled(), BernoulliNB(binarize=0.0)], YES)
    make("nb-categorical", lambda: [ColumnTransformer([("c", OrdinalEncoder(), LAB)]), CategoricalNB()], SORT)
    two = pd.DataFrame({"amount": AMOUNT, "count": COUNT})
    make("mo-tree", lambda: [enc(), DecisionTreeRegressor(max_depth=4, **few)], two)
    make("mo-forest", lambda: [enc(), RandomForestRegressor(4, max_depth=4, **few)], two)
    make("mo-linear", lambda: [enc(), LinearRegression()], two)
    make("mo-mlp", lambda: [scaled(), MLPRegressor(hidden_layer_sizes=(4,), max_iter=60, **few)], two)
    make("mo-pls", lambda: [scaled(), PLSRegression(2)], two)
    make("mo-knn", lambda: [numbers(), KNeighborsRegressor(3)], two)
    make("mo-regressor", lambda: [enc(), MultiOutputRegressor(GradientBoostingRegressor(n_estimators=3, **few))], two)
    make("mo-rchain", lambda: [enc(), RegressorChain(LinearRegression())], two)
    classes = pd.DataFrame({"sort": SORT, "answer": YES})
    bits = pd.DataFrame({"bit": BIT, "b2": (GRADE > 0).astype(int)})
    make("mo-classifier", lambda: [scaled(), MultiOutputClassifier(LogisticRegression(max_iter=300))], classes)
    make("mo-cchain", lambda: [scaled(), ClassifierChain(LogisticRegression(max_iter=300))], bits)
    make("mo-ctree", lambda: [enc(), DecisionTreeClassifier(max_depth=3, **few)], bits)
    make("mo-cforest", lambda: [enc(), RandomForestClassifier(4, max_depth=3, **few)], bits)
    make("hist-na", lambda: [ColumnTransformer([("n", "passthrough", NUM)]), HistGradientBoostingClassifier(max_iter=5, max_leaf_nodes=6, **few)], SORT, XNA)
    make("hist-cat", lambda: [ColumnTransformer([("c", OrdinalEncoder(), LAB), ("n", "passthrough", NUM)]), HistGradientBoostingRegressor(max_iter=5, categorical_features=[0, 1], **few)], AMOUNT)
    make("tree-na", lambda: [ColumnTransformer([("n", "passthrough", NUM)]), DecisionTreeClassifier(max_depth=5, **few)], SORT, XNA)
    make("forest-na", lambda: [ColumnTransformer([("n", "passthrough", NUM)]), RandomForestRegressor(5, max_depth=5, **few)], AMOUNT, XNA)
    rules = [("X['len'] > 6 and X['wid'] != 2", "high"), ("X['wid'] > 4 or X['age'] in [30, 40, 50]", "low")]
    make("rules", lambda: [RuleSetClassifier(rules, default_score="mid")], SORT)
    make("selectfirst-r", lambda: [SelectFirstRegressor([("a", make_sub(LinearRegression(), ["len", "wid"]), Predicate("X['age'] > 50")), ("b", make_sub(DecisionTreeRegressor(max_depth=3, **few), ["wid"]), Predicate("True"))], controller=None)], AMOUNT, X[NUM])
    make("selectfirst-c", lambda: [SelectFirstClassifier([("a", LogisticRegression(max_iter=300), "X[2] > 50"), ("b", DecisionTreeClassifier(max_depth=3, **few), "True")])], SORT, X[NUM])
    make("chain-r", lambda: [EstimatorChain([("a", Link(DecisionTreeClassifier(max_depth=3, **few), augment_funcs=["predict_proba"]), "True"), ("b", LogisticRegression(max_iter=300), "True")])], SORT, X[NUM])
    make("expression-r", lambda: [ExpressionRegressor(Expression("X['len'] * 2 + (3 if X['wid'] > 2 else X['age'] / 7)"), "exp")], AMOUNT)
    make("expression-c", lambda: [ExpressionClassifier({"yes": Expression("X['len'] - X['wid']")}, normalization_method="logit")], YES)
    make("expression-c3", lambda: [ExpressionClassifier({"high": Expression("X['len'] - X['wid']"), "mid": Expression("0.5"), "low": Expression("X['age'] / 100")}, normalization_method="softmax")], SORT)
    make("chaid-c", lambda: [ColumnTransformer([("c", "passthrough", LAB + ["hits"])]), CHAIDClassifier(config={"max_depth": 3, "min_child_node_size": 10})], SORT)
    make("chaid-r", lambda: [ColumnTransformer([("c", "passthrough", LAB + ["hits"])]), CHAIDRegressor(config={"max_depth": 3, "min_child_node_size": 10})], AMOUNT)


def make_sub(e, columns):
    from sklearn.pipeline import make_pipeline
    return make_pipeline(ColumnTransformer([("n", "passthrough", columns)]), e)


families()
neighbours()
others()
finish()
