"""Every transformer that sklearn2pmml converts, in front of simple models, with missing and unknown values."""

import warnings

import common  # first: it mends what sklearn-pandas imports
import numpy as np
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import (RFE, SelectFromModel, SelectKBest, SelectPercentile, VarianceThreshold, f_classif)
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (Binarizer, FunctionTransformer, KBinsDiscretizer, MaxAbsScaler, MinMaxScaler, Normalizer,
                                   OneHotEncoder, OrdinalEncoder, PolynomialFeatures, PowerTransformer, QuantileTransformer,
                                   RobustScaler, SplineTransformer, StandardScaler, TargetEncoder)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn_pandas import DataFrameMapper
from sklearn2pmml.decoration import (Alias, CategoricalDomain, ContinuousDomain, DateDomain, DateTimeDomain, MultiDomain,
                                     )
from sklearn2pmml.util import Reshaper
from sklearn2pmml.feature_extraction.text import Splitter
from sklearn2pmml.feature_selection import SelectUnique
from sklearn2pmml.postprocessing import BusinessDecisionTransformer
from sklearn2pmml.preprocessing import (AggregateTransformer, CastTransformer, ConcatTransformer, CutTransformer,
                                        DateTimeFormatter, DaysSinceYearTransformer, ExpressionTransformer,
                                        FilterLookupTransformer, IdentityTransformer, LagTransformer, LookupTransformer,
                                        MatchesTransformer, MultiLookupTransformer, NumberFormatter, PMMLLabelBinarizer,
                                        PMMLLabelEncoder, PowerFunctionTransformer, ReplaceTransformer,
                                        RollingAggregateTransformer, SecondsSinceMidnightTransformer, SecondsSinceYearTransformer,
                                        StringLengthTransformer, StringNormalizer, SubstringTransformer, WordCountTransformer)

from common import AMOUNT, DATES, LAB, NUM, SORT, TEXT, X, XNA, YES, finish, make

warnings.filterwarnings("ignore")
few = dict(random_state=1)
LIN = LinearRegression
TREE = lambda: DecisionTreeClassifier(max_depth=4, **few)


def one(t, columns, model=None, y=None, data=None, name=None, **k):
    return lambda: [ColumnTransformer([("t", t() if callable(t) else t, columns)], **k), (model or LIN)()]


def hot(**k):
    return OneHotEncoder(sparse_output=False, **k)


NUMERIC = {
    "standard": lambda: StandardScaler(), "standard-nomean": lambda: StandardScaler(with_mean=False), "standard-nostd": lambda: StandardScaler(with_std=False),
    "minmax": lambda: MinMaxScaler(), "minmax-clip": lambda: MinMaxScaler(feature_range=(-1, 2), clip=True), "maxabs": lambda: MaxAbsScaler(),
    "robust": lambda: RobustScaler(), "robust-only": lambda: RobustScaler(with_centering=False, quantile_range=(10, 90)),
    "binarizer": lambda: Binarizer(threshold=3), "poly2": lambda: PolynomialFeatures(2), "poly3-inter": lambda: PolynomialFeatures(3, interaction_only=True, include_bias=False), "poly-range": lambda: PolynomialFeatures((2, 3)),
    "yeo": lambda: PowerTransformer(), "yeo-plain": lambda: PowerTransformer(standardize=False),
    "quantile-uniform": lambda: QuantileTransformer(n_quantiles=20), "quantile-normal": lambda: QuantileTransformer(n_quantiles=20, output_distribution="normal"),
    "spline3": lambda: SplineTransformer(n_knots=4), "spline2-linear": lambda: SplineTransformer(n_knots=5, degree=2, extrapolation="linear"), "spline-const": lambda: SplineTransformer(n_knots=4, degree=3, extrapolation="constant", include_bias=False), "spline-period": lambda: SplineTransformer(n_knots=5, extrapolation="periodic"), "spline-error": lambda: SplineTransformer(n_knots=5, extrapolation="error"),
    "kbins-uniform": lambda: KBinsDiscretizer(4, encode="onehot-dense", strategy="uniform"), "kbins-ordinal": lambda: KBinsDiscretizer(5, encode="ordinal", strategy="quantile"), "kbins-kmeans": lambda: KBinsDiscretizer(3, encode="onehot-dense", strategy="kmeans"),
    "normalizer-l1": lambda: Normalizer("l1"), "normalizer-l2": lambda: Normalizer("l2"), "normalizer-max": lambda: Normalizer("max"),
    "pca": lambda: PCA(2), "pca-whiten": lambda: PCA(3, whiten=True), "ipca": lambda: IncrementalPCA(2), "svd": lambda: TruncatedSVD(2),
    "identity": lambda: IdentityTransformer(), "power2": lambda: PowerFunctionTransformer(2), "power3": lambda: PowerFunctionTransformer(3),
    "agg-min": lambda: AggregateTransformer("min"), "agg-max": lambda: AggregateTransformer("max"), "agg-mean": lambda: AggregateTransformer("mean"), "agg-sum": lambda: AggregateTransformer("sum"), "agg-prod": lambda: AggregateTransformer("prod"),
    "variance": lambda: VarianceThreshold(0.1), "union": lambda: FeatureUnion([("a", StandardScaler()), ("b", Binarizer(threshold=2)), ("c", PCA(2))]),
    "scaled-poly-pca": lambda: make_pipeline(StandardScaler(), PolynomialFeatures(2), PCA(3)),
}
for f in ("absolute", "ceil", "exp", "expm1", "floor", "log", "log10", "log1p", "negative", "reciprocal", "rint", "sign", "sin", "cos", "tan", "arctan", "sinh", "cosh", "tanh", "sqrt", "square", "degrees", "radians", "cbrt"):
    NUMERIC[f"np-{f}"] = lambda f=f: FunctionTransformer(getattr(np, f))


def numeric():
    for name, t in NUMERIC.items():
        columns = ["len", "wid"] if name.startswith(("np-", "quantile")) or "poly" in name else NUM
        positive = X[NUM].abs() + 1
        data = positive if name.startswith("np-") else None
        make(f"t-{name}", one(t, columns), AMOUNT, data)
        make(f"u-{name}", one(t, columns, TREE), SORT, data)
    make("t-boxcox", one(lambda: PowerTransformer(method="box-cox"), ["age"]), AMOUNT)
    make("t-boxcox-plain", one(lambda: PowerTransformer(method="box-cox", standardize=False), ["age"]), AMOUNT)


IMPUTERS = {
    "mean": lambda: SimpleImputer(), "median": lambda: SimpleImputer(strategy="median"), "most": lambda: SimpleImputer(strategy="most_frequent"),
    "const": lambda: SimpleImputer(strategy="constant", fill_value=-1), "indicator": lambda: SimpleImputer(add_indicator=True),
    "missing": lambda: FeatureUnion([("i", SimpleImputer()), ("m", MissingIndicator())]), "all": lambda: FeatureUnion([("i", SimpleImputer()), ("m", MissingIndicator(features="all"))]),
    "sentinel": lambda: SimpleImputer(missing_values=-999, strategy="mean"),
}
ENCODERS = {
    "onehot": lambda: hot(), "onehot-ignore": lambda: hot(handle_unknown="ignore"), "onehot-first": lambda: hot(drop="first"), "onehot-binary": lambda: hot(drop="if_binary"),
    "onehot-infrequent": lambda: hot(min_frequency=30, handle_unknown="infrequent_if_exist"), "onehot-max": lambda: hot(max_categories=3),
    "ordinal": lambda: OrdinalEncoder(), "ordinal-unknown": lambda: OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), "ordinal-missing": lambda: OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2), "ordinal-infrequent": lambda: OrdinalEncoder(min_frequency=30),
    "target": lambda: TargetEncoder(**few), "target-auto": lambda: TargetEncoder(target_type="continuous", cv=2, **few),
    "impute-onehot": lambda: make_pipeline(SimpleImputer(strategy="most_frequent"), hot()), "impute-const": lambda: make_pipeline(SimpleImputer(strategy="constant", fill_value="none"), hot()),
}


def missing():
    for name, t in IMPUTERS.items():
        make(f"i-{name}", one(t, ["len", "wid"]), AMOUNT, XNA)
        make(f"j-{name}", one(t, ["len", "wid"], TREE), SORT, XNA)
    for name, t in ENCODERS.items():
        for kind, data in (("e", X), ("f", XNA)):
            make(f"{kind}-{name}", one(t, LAB, remainder="passthrough" if False else "drop"), AMOUNT, data)
            make(f"{kind}-{name}-tree", one(t, LAB, TREE), SORT, data) if not name.startswith("target") else None


def domains():
    treatments = ["return_invalid", "as_is", "as_missing", "as_value"]
    for invalid in treatments:
        for miss in ("as_is", "as_mean", "as_value", "return_invalid"):
            for out in ("as_is", "as_missing_values", "as_extreme_values"):
                if invalid == "as_value" and out != "as_is":
                    continue
                k = dict(invalid_value_treatment=invalid, outlier_treatment=out)
                if invalid == "as_value":
                    k["invalid_value_replacement"] = 5.0
                if miss in ("as_mean", "as_value"):
                    k["missing_value_treatment"], k["missing_value_replacement"] = miss, 3.0
                elif miss == "return_invalid":
                    k["missing_value_treatment"] = miss
                if out != "as_is":
                    k["low_value"], k["high_value"] = 1, 7
                make(f"dn-{invalid}-{miss}-{out}", lambda: [ColumnTransformer([("d", ContinuousDomain(**k), ["len"]), ("e", ContinuousDomain(**k), ["wid"])]), LIN()], AMOUNT)
        for miss in ("as_is", "as_mode", "as_value", "return_invalid"):
            k = dict(invalid_value_treatment=invalid)
            if invalid == "as_value":
                k["invalid_value_replacement"] = "red"
            if miss in ("as_mode", "as_value"):
                k["missing_value_treatment"], k["missing_value_replacement"] = miss, "green"
            elif miss == "return_invalid":
                k["missing_value_treatment"] = miss
            make(f"dc-{invalid}-{miss}", lambda: [ColumnTransformer([("d", make_pipeline(CategoricalDomain(**k), hot(handle_unknown="ignore")), ["col"])]), LogisticRegression(max_iter=300)], SORT)
            make(f"dt-{invalid}-{miss}", lambda: [ColumnTransformer([("d", make_pipeline(CategoricalDomain(**k), hot(handle_unknown="ignore")), ["col"]), ("n", ContinuousDomain(invalid_value_treatment=invalid if invalid != "as_value" else "as_is"), ["len"])]), DecisionTreeClassifier(max_depth=4, **few)], SORT)
    make("d-sentinel", lambda: [ColumnTransformer([("a", ContinuousDomain(missing_values=[0, -1], missing_value_replacement=2), ["hits"]), ("b", make_pipeline(CategoricalDomain(missing_values="no"), OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)), ["smk"])]), TREE()], SORT)
    make("d-nodata", lambda: [ColumnTransformer([("a", ContinuousDomain(with_data=False, missing_value_replacement=2), ["hits"]), ("b", make_pipeline(CategoricalDomain(with_data=False), hot()), ["smk"])]), TREE()], SORT)
    make("d-stats", lambda: [ColumnTransformer([("a", ContinuousDomain(with_statistics=True), ["len"]), ("b", make_pipeline(CategoricalDomain(with_statistics=True), hot()), ["smk"])]), TREE()], SORT)
    make("d-int", lambda: [ColumnTransformer([("a", ContinuousDomain(dtype=int), ["hits", "age"]), ("b", make_pipeline(CategoricalDomain(dtype=bool), hot()), ["flag"])]), TREE()], SORT)
    make("d-multi", lambda: [ColumnTransformer([("a", make_pipeline(MultiDomain([ContinuousDomain(missing_value_replacement=1.0), None]), StandardScaler()), ["len", "wid"])]), LIN()], AMOUNT)
    make("d-catnum", lambda: [ColumnTransformer([("a", make_pipeline(CategoricalDomain(invalid_value_treatment="as_missing"), hot(handle_unknown="ignore")), ["hits"])]), LIN()], AMOUNT)


EXPRESSIONS = {
    "arith": ("X['len'] + X['wid'] * 2 - X['age'] / 3", NUM), "intdiv": ("X['age'] / (X['hits'] + 1)", NUM), "floordiv": ("X['age'] // 7", NUM), "mod": ("X['age'] % 7", NUM), "modneg": ("X['len'] % -3", NUM), "pow": ("X['len'] ** 2", NUM), "powneg": ("X['wid'] ** -1.5", NUM), "neg": ("-X['len']", NUM), "if": ("X['len'] if X['wid'] > 2 else X['age']", NUM),
    "nested": ("1 if X['len'] > 6 else 2 if X['wid'] <= 1 else 3", NUM), "and": ("X['len'] > 3 and not X['wid'] > 4", NUM), "or": ("X['age'] >= 60 or X['hits'] == 0", NUM), "in": ("1 if X['hits'] in [1, 2, 3] else 0", NUM), "notin": ("1 if X['hits'] not in [1, 2] else X['len']", NUM), "streq": ("1.5 if X['col'] == 'red' else -1", NUM + LAB),
    "isnull": ("0 if pandas.isnull(X['len']) else X['len']", NUM), "notnull": ("X['wid'] if pandas.notnull(X['wid']) else -5", NUM), "numpy": ("numpy.where(X['len'] > 5, X['wid'], X['age'])", NUM), "logexp": ("numpy.log(X['age']) + numpy.exp(X['len'] / 10)", NUM),
    "trig": ("numpy.sin(X['len']) * numpy.cos(X['wid']) + numpy.arctan2(X['len'], X['wid'])", NUM), "hyp": ("numpy.hypot(X['len'], X['wid']) + numpy.tanh(X['len'])", NUM), "round": ("numpy.rint(X['len']) + numpy.ceil(X['wid']) + numpy.floor(X['wid'])", NUM), "clip": ("numpy.clip(X['len'], 2, 7)", NUM), "sign": ("numpy.sign(X['len'] - 5) * numpy.sqrt(numpy.absolute(X['len']))", NUM),
    "erf": ("scipy.special.expit(X['len'] - 5)", NUM), "logit": ("scipy.special.logit(X['len'] / 20)", NUM), "len": ("len(X['col'])", NUM + LAB), "upper": ("1 if X['col'].upper() == 'RED' else 0", NUM + LAB), "slice": ("1 if X['col'][0:2] == 're' else 0", NUM + LAB), "startswith": ("1 if X['col'].startswith('gre') else 0", NUM + LAB), "concat": ("len(X['col'] + '-' + X['smk'])", NUM + LAB), "re": ("1 if re.search('e+', X['col']) else 0", NUM + LAB), "math": ("math.log2(X['age']) + math.pow(X['len'], 2) + math.fabs(X['len'])", NUM), "maxmin": ("max(X['len'], X['wid']) - min(X['len'], X['wid'])", NUM), "cast": ("int(X['len']) + float(X['age'])", NUM), "fmod": ("numpy.fmod(X['len'], 3) + numpy.mod(X['age'], 5)", NUM), "log1p": ("numpy.log1p(X['wid']) + numpy.expm1(X['wid'] / 10) + numpy.log10(X['age'])", NUM),
}


def expressions():
    for name, (text, columns) in EXPRESSIONS.items():
        for suffix, k in (("", {}), ("-map", dict(map_missing_to=-1.5)), ("-def", dict(default_value=7, invalid_value_treatment="as_missing"))):
            kind = "typed" if any(c in LAB for c in columns) else "plain"
            step = ExpressionTransformer(text, **k)
            if kind == "typed":
                pre = ColumnTransformer([(c, CategoricalDomain(invalid_value_treatment="as_is") if c in LAB else ContinuousDomain(invalid_value_treatment="as_is"), [c]) for c in columns], verbose_feature_names_out=False).set_output(transform="pandas")
                make(f"x-{name}{suffix}", lambda: [pre, step, LIN()], AMOUNT)
            else:
                make(f"x-{name}{suffix}", lambda: [ColumnTransformer([("e", step, columns)]), LIN()], AMOUNT)


def strings():
    h = lambda: [Reshaper((-1, 1)), hot(handle_unknown="ignore")]
    s = {
        "length": lambda: [StringLengthTransformer(), Reshaper((-1, 1))], "substring": lambda: [SubstringTransformer(0, 2)] + h(), "upper": lambda: [StringNormalizer("uppercase")] + h(), "lower": lambda: [StringNormalizer("lowercase", trim_blanks=True)] + h(),
        "matches": lambda: [MatchesTransformer("^g.*n$"), Reshaper((-1, 1)), CastTransformer(int)], "replace": lambda: [ReplaceTransformer("[aeiou]", "_")] + h(), "lookup": lambda: [LookupTransformer({"red": 1.0, "green": 2.5}, default_value=-1.0), Reshaper((-1, 1))], "lookup-none": lambda: [LookupTransformer({"red": 1.0, "green": 2.5, "blue": 3.0, "dark grey": 0.0}, default_value=None), Reshaper((-1, 1))],
        "filterlookup": lambda: [FilterLookupTransformer({"red": "green"})] + h(), "labelbin": lambda: PMMLLabelBinarizer(), "labelenc": lambda: [PMMLLabelEncoder(), Reshaper((-1, 1))], "words": lambda: [WordCountTransformer(), Reshaper((-1, 1))],
        "domain-length": lambda: [CategoricalDomain(invalid_value_treatment="as_is"), StringLengthTransformer(), Reshaper((-1, 1))], "domain-upper": lambda: [CategoricalDomain(invalid_value_treatment="as_missing", missing_value_replacement="red"), StringNormalizer("uppercase")] + h(),
        "domain-lookup": lambda: [CategoricalDomain(invalid_value_treatment="as_is", missing_value_replacement="none"), LookupTransformer({"red": 1.0, "green": 2.5, "none": 9.0}, default_value=-1.0), Reshaper((-1, 1))],
    }
    for name, t in s.items():
        make(f"s-{name}", lambda: [DataFrameMapper([("col", t())]), LIN()], AMOUNT)
    make("s-concat", one(lambda: make_pipeline(ConcatTransformer("-"), hot(handle_unknown="ignore")), LAB), AMOUNT)
    make("s-multilookup", one(lambda: MultiLookupTransformer({("red", "yes"): 1.0, ("blue", "no"): 2.0}, default_value=0.5), LAB), AMOUNT)
    make("s-cut", one(lambda: make_pipeline(CutTransformer([-100, 3, 5, 7, 100], labels=["a", "b", "c", "d"]), hot(handle_unknown="ignore")), ["len"]), AMOUNT)
    make("s-cut-int", lambda: [DataFrameMapper([("age", [CutTransformer([0, 30, 50, 100], labels=False, right=False), Reshaper((-1, 1))])]), LIN()], AMOUNT)
    make("s-numberformat", one(lambda: make_pipeline(NumberFormatter("%3d"), hot(handle_unknown="ignore")), ["hits"]), AMOUNT)
    make("s-cast", one(lambda: make_pipeline(CastTransformer(str), hot(handle_unknown="ignore")), ["hits"]), AMOUNT)
    make("s-cast-int", one(lambda: CastTransformer(int), ["len"]), AMOUNT)
    make("s-alias", one(lambda: Alias(StandardScaler(), "std", prefit=False), ["len"]), AMOUNT)
    make("s-lag", one(lambda: make_pipeline(LagTransformer(1), SimpleImputer()), ["len"]), AMOUNT)
    make("s-rolling", one(lambda: make_pipeline(RollingAggregateTransformer("avg", 3), SimpleImputer()), ["len"]), AMOUNT)


def times():
    d = {
        "days": ([("d", make_pipeline(DateDomain(), DaysSinceYearTransformer(year=1960)), ["day"])]), "days70": ([("d", make_pipeline(DateDomain(missing_value_replacement="2005-05-05"), DaysSinceYearTransformer(year=1970)), ["day"])]),
        "seconds": ([("d", make_pipeline(DateTimeDomain(), SecondsSinceYearTransformer(year=1980)), ["at"])]), "midnight": ([("d", make_pipeline(DateTimeDomain(), SecondsSinceMidnightTransformer()), ["at"])]),
        "format": ([("d", make_pipeline(DateTimeDomain(), ExpressionTransformer("X[0].month")), ["at"])]), "format-day": ([("d", make_pipeline(DateDomain(), DateTimeFormatter("%Y"), CastTransformer(int)), ["day"])]), "format-week": ([("d", make_pipeline(DateDomain(), DateTimeFormatter("%a"), hot(handle_unknown="ignore")), ["day"])]), "format-hour": ([("d", make_pipeline(DateTimeDomain(), DateTimeFormatter("%H:%M"), SubstringTransformer(0, 2), hot(handle_unknown="ignore")), ["at"])]),
    }
    for name, t in d.items():
        make(f"time-{name}", lambda: [ColumnTransformer(t), DecisionTreeRegressor(max_depth=3, **few)], AMOUNT, DATES)


def selections():
    enc = lambda: ColumnTransformer([("n", "passthrough", NUM), ("c", hot(), LAB)])
    for name, s in {"kbest": lambda: SelectKBest(f_classif, k=3), "percentile": lambda: SelectPercentile(f_classif, percentile=40), "model": lambda: SelectFromModel(RandomForestClassifier(5, **few)), "rfe": lambda: RFE(LogisticRegression(max_iter=300), n_features_to_select=3), "unique": lambda: SelectUnique()}.items():
        make(f"sel-{name}", lambda: [enc(), s(), LogisticRegression(max_iter=300)], SORT)


def texts():
    word = r"(?u)\b\w+\b"
    v = {
        "count": lambda: CountVectorizer(tokenizer=Splitter(), token_pattern=None), "count-binary": lambda: CountVectorizer(binary=True), "count-ngram": lambda: CountVectorizer(ngram_range=(1, 2), max_features=12), "count-bigram": lambda: CountVectorizer(ngram_range=(2, 2), max_features=8), "count-stop": lambda: CountVectorizer(stop_words=["sun", "fog"]), "count-case": lambda: CountVectorizer(lowercase=False, token_pattern=word),
        "tfidf": lambda: TfidfVectorizer(norm=None), "tfidf-sub": lambda: TfidfVectorizer(norm=None, sublinear_tf=True), "tfidf-noidf": lambda: TfidfVectorizer(norm=None, use_idf=False), "tfidf-smooth": lambda: TfidfVectorizer(norm=None, smooth_idf=False, binary=True), "tfidf-ngram": lambda: TfidfVectorizer(norm=None, ngram_range=(1, 3), max_features=15), "tfidf-splitter": lambda: TfidfVectorizer(norm=None, analyzer="word", token_pattern=None, tokenizer=Splitter()),
    }
    for name, t in v.items():
        make(f"text-{name}", lambda: [t(), LogisticRegression()], YES, TEXT["text"])
        make(f"text-{name}-gb", lambda: [t(), DecisionTreeClassifier(max_depth=4, **few)], SORT, TEXT["text"])


numeric()
missing()
domains()
expressions()
strings()
times()
selections()
texts()
finish()
