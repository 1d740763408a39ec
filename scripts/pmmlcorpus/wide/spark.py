"""Pipelines of Spark ML, converted with JPMML-SparkML. Arguments: the folder of the documents, a folder for work, the
converter's jars."""

import glob
import sys

from pyspark.ml import Pipeline
from pyspark.ml.classification import (DecisionTreeClassifier, GBTClassifier, LinearSVC, LogisticRegression,
                                       MultilayerPerceptronClassifier, NaiveBayes, OneVsRest, RandomForestClassifier)
from pyspark.ml.clustering import KMeans
from pyspark.ml.feature import (Binarizer, Bucketizer, ChiSqSelector, CountVectorizer, IDF, Imputer, IndexToString, Interaction,
                                MaxAbsScaler, MinMaxScaler, NGram, OneHotEncoder, PCA, QuantileDiscretizer, RegexTokenizer,
                                RFormula, SQLTransformer, StandardScaler, StopWordsRemover, StringIndexer, Tokenizer, VectorAssembler,
                                VectorIndexer, VectorSlicer)
from pyspark.ml.regression import (DecisionTreeRegressor, GBTRegressor, GeneralizedLinearRegression, IsotonicRegression,
                                   LinearRegression, RandomForestRegressor)
from pyspark.sql import SparkSession

from common import AMOUNT, BIT, COUNT, GRADE, OUT, SORT, TEXT, X, XNA, YES, sample

jars = ",".join(glob.glob(sys.argv[3] + "/*.jar"))
spark = SparkSession.builder.master("local[1]").config("spark.jars", jars).config("spark.driver.extraClassPath", sys.argv[3] + "/*").config(
    "spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "1").config("spark.driver.userClassPathFirst", "true").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
table = X.assign(amount=AMOUNT, count=COUNT.astype(int), sort=SORT, answer=YES, bit=BIT, grade=GRADE)
frame = spark.createDataFrame(table)
holes = spark.createDataFrame(table.assign(**{"len": XNA["len"], "wid": XNA["wid"]}))
few = dict(seed=1)


def save(name, stages, data=frame, rows=X):
    try:
        model = Pipeline(stages=stages).fit(data)
        jvm = spark._jvm
        builder = jvm.org.jpmml.sparkml.PMMLBuilder(data._jdf.schema(), model._to_java())
        builder.buildFile(jvm.java.io.File(str(OUT / f"spark-{name}.pmml")))
        sample(f"spark-{name}", rows)
    except Exception as e:
        print(f"{name}: {type(e).__name__}: {str(e).splitlines()[0][:200] if str(e) else ''}", file=sys.stderr)


def base(hot=True, invalid="error"):
    s = [StringIndexer(inputCol=c, outputCol=c + "_i", handleInvalid=invalid) for c in ("col", "smk")]
    if hot:
        s += [OneHotEncoder(inputCols=["col_i", "smk_i"], outputCols=["col_v", "smk_v"])]
    return s + [VectorAssembler(inputCols=["len", "wid", "age", "hits"] + (["col_v", "smk_v"] if hot else ["col_i", "smk_i"]), outputCol="features")]


def label(y):
    return [StringIndexer(inputCol=y, outputCol="label")]


C = {"tree": lambda: DecisionTreeClassifier(maxDepth=4, **few), "forest": lambda: RandomForestClassifier(numTrees=5, maxDepth=4, **few), "logistic": lambda: LogisticRegression(), "logistic-l1": lambda: LogisticRegression(elasticNetParam=1.0, regParam=0.05), "mlp": lambda: MultilayerPerceptronClassifier(layers=[7, 4, 3], maxIter=20, **few),
     "ovr": lambda: OneVsRest(classifier=LogisticRegression()), "bayes": lambda: NaiveBayes(), "bayes-gauss": lambda: NaiveBayes(modelType="gaussian"), "threshold": lambda: LogisticRegression(threshold=0.3), "thresholds": lambda: LogisticRegression(thresholds=[0.2, 0.5, 0.3])}
for n, c in C.items():
    save(f"c3-{n}", base("tree" not in n and "forest" not in n) + label("sort") + [c()])
    if n not in ("mlp", "thresholds"):
        save(f"c2-{n}", base() + label("answer") + [c()])
for n, c in {"gbt": lambda: GBTClassifier(maxIter=4, maxDepth=3, **few), "svc": lambda: LinearSVC(maxIter=10), "svc-t": lambda: LinearSVC(threshold=0.3)}.items():
    save(f"c2-{n}", base() + label("answer") + [c()])
R = {"tree": lambda: DecisionTreeRegressor(labelCol="amount", maxDepth=4, **few), "forest": lambda: RandomForestRegressor(labelCol="amount", numTrees=5, maxDepth=4, **few), "gbt": lambda: GBTRegressor(labelCol="amount", maxIter=4, maxDepth=3, **few), "linear": lambda: LinearRegression(labelCol="amount"), "linear-noint": lambda: LinearRegression(labelCol="amount", fitIntercept=False, regParam=0.1)}
for f, l in (("gaussian", "identity"), ("gaussian", "log"), ("gamma", "log"), ("gamma", "inverse"), ("poisson", "log"), ("poisson", "sqrt"), ("poisson", "identity"), ("tweedie", None)):
    k = dict(link=l) if l else dict(variancePower=1.5, linkPower=0.0)
    R[f"glm-{f}-{l}"] = lambda f=f, k=k: GeneralizedLinearRegression(labelCol="count" if f == "poisson" else "amount", family=f, **k)
for n, r in R.items():
    save(f"r-{n}", base() + [r()])
    if "glm" not in n:
        save(f"r-{n}-raw", base(False, "keep") + [r()])
        save(f"r-{n}-skip", base(False, "skip") + [r()])
for l in ("logit", "probit", "cloglog"):
    save(f"glm-binomial-{l}", base() + label("answer") + [GeneralizedLinearRegression(family="binomial", link=l)])
lr = lambda: LinearRegression(labelCol="amount", featuresCol="features")
nums = ["len", "wid", "age"]
va = lambda o="v": VectorAssembler(inputCols=nums, outputCol=o)
T = {"std": [va(), StandardScaler(withMean=True, inputCol="v", outputCol="features")], "minmax": [va(), MinMaxScaler(inputCol="v", outputCol="features")], "maxabs": [va(), MaxAbsScaler(inputCol="v", outputCol="features")], "pca": [va(), PCA(k=2, inputCol="v", outputCol="features")],
     "binarizer": [Binarizer(threshold=4.0, inputCol="len", outputCol="b"), VectorAssembler(inputCols=["b", "wid"], outputCol="features")],
     "bucket": [Bucketizer(splits=[-float("inf"), 3, 5, 7, float("inf")], inputCol="len", outputCol="b", handleInvalid="keep"), OneHotEncoder(inputCol="b", outputCol="bv"), VectorAssembler(inputCols=["bv", "wid"], outputCol="features")],
     "quantile": [QuantileDiscretizer(numBuckets=4, inputCol="len", outputCol="b"), VectorAssembler(inputCols=["b", "wid"], outputCol="features")],
     "interaction": [va("a"), VectorAssembler(inputCols=["hits"], outputCol="h"), Interaction(inputCols=["len", "wid"], outputCol="features")],
     "slicer": [va(), VectorSlicer(inputCol="v", outputCol="features", indices=[0, 2])], "vindexer": [VectorAssembler(inputCols=["hits", "len"], outputCol="v"), VectorIndexer(maxCategories=12, inputCol="v", outputCol="features")],
     "imputer-mean": [Imputer(strategy="mean", inputCols=["len", "wid"], outputCols=["l2", "w2"]), VectorAssembler(inputCols=["l2", "w2"], outputCol="features")], "imputer-median": [Imputer(strategy="median", missingValue=0.0, inputCols=["len", "wid"], outputCols=["l2", "w2"]), VectorAssembler(inputCols=["l2", "w2"], outputCol="features")],
     "rformula": [RFormula(formula="amount ~ len + wid + col + smk", featuresCol="features", labelCol="lab")], "rformula-inter": [RFormula(formula="amount ~ len:wid + col", featuresCol="features", labelCol="lab")]}
for n, s in T.items():
    save(f"t-{n}", s + [lr()])
SQL = {"arith": "len * 2 + wid / 3 - age % 7 AS e", "if": "if(len > 5, wid, age) AS e", "case": "CASE WHEN len > 6 AND wid < 3 THEN 1 WHEN col = 'red' THEN 2 ELSE 3 END AS e", "math": "ln(age) + exp(len / 10) + sqrt(abs(wid)) + pow(len, 2) AS e", "round": "ceil(len) + floor(wid) + rint(len) AS e", "null": "CASE WHEN len IS NULL THEN -1.0 ELSE len END AS e", "in": "CASE WHEN col IN ('red', 'blue') THEN 1 ELSE 0 END AS e", "string": "length(concat(trim(col), upper(smk))) AS e", "sub": "CASE WHEN substring(col, 1, 2) = 're' THEN 1.5 ELSE 0.5 END AS e", "like": "CASE WHEN col RLIKE 'r.*' THEN 1 ELSE 0 END AS e", "cast": "cast(len AS int) + cast(age AS double) AS e", "neg": "-len + greatest(len, wid) - least(wid, age) AS e", "trig": "sin(len) + cos(wid) + tanh(len) AS e", "not": "CASE WHEN NOT (len > 5 OR wid >= 2) THEN 1 ELSE 0 END AS e"}
for n, q in SQL.items():
    save(f"sql-{n}", [SQLTransformer(statement=f"SELECT *, {q} FROM __THIS__"), VectorAssembler(inputCols=["e", "wid"], outputCol="features"), lr()])
text = spark.createDataFrame(TEXT.assign(answer=YES))
for n, s in {"count": [Tokenizer(inputCol="text", outputCol="w"), CountVectorizer(inputCol="w", outputCol="features")], "regex": [RegexTokenizer(inputCol="text", outputCol="w", pattern="\\s+"), CountVectorizer(inputCol="w", outputCol="features", binary=True)], "stop": [RegexTokenizer(inputCol="text", outputCol="w", pattern="\\s+"), StopWordsRemover(inputCol="w", outputCol="x", stopWords=["fog"]), CountVectorizer(inputCol="x", outputCol="features")], "ngram": [RegexTokenizer(inputCol="text", outputCol="w", pattern="\\s+"), NGram(n=2, inputCol="w", outputCol="x"), CountVectorizer(inputCol="x", outputCol="features", vocabSize=10)], "idf": [RegexTokenizer(inputCol="text", outputCol="w", pattern="\\s+"), CountVectorizer(inputCol="w", outputCol="x"), IDF(inputCol="x", outputCol="features")]}.items():
    save(f"text-{n}", label("answer") + s + [LogisticRegression()], text, TEXT)
    save(f"text-{n}-tree", label("answer") + s + [DecisionTreeClassifier(maxDepth=4)], text, TEXT)
save("kmeans", [va("features"), KMeans(k=3, **few)])
save("kmeans-scaled", [va(), StandardScaler(inputCol="v", outputCol="features"), KMeans(k=4, **few)])
save("isotonic", [VectorAssembler(inputCols=["len"], outputCol="features"), IsotonicRegression(labelCol="amount")])
save("isotonic-decr", [VectorAssembler(inputCols=["wid"], outputCol="features"), IsotonicRegression(labelCol="amount", isotonic=False)])
save("chain", base() + label("sort") + [DecisionTreeClassifier(maxDepth=3, predictionCol="p1", probabilityCol="q1", rawPredictionCol="r1"), VectorAssembler(inputCols=["features", "p1"], outputCol="f2"), LogisticRegression(featuresCol="f2")])
save("chisq", base(False) + label("sort") + [ChiSqSelector(numTopFeatures=3, featuresCol="features", labelCol="label", outputCol="sel"), DecisionTreeClassifier(featuresCol="sel", maxDepth=3)])
spark.stop()
