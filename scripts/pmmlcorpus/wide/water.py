"""H2O models behind sklearn2pmml's proxy; h2o starts a server of its own."""

import h2o
import pandas as pd
from h2o.estimators import (H2OExtendedIsolationForestEstimator, H2OGeneralizedLinearEstimator, H2OGradientBoostingEstimator,
                            H2OIsolationForestEstimator, H2ORandomForestEstimator, H2OStackedEnsembleEstimator, H2OXGBoostEstimator)
from sklearn2pmml.pipeline import PMMLPipeline

from common import AMOUNT, BIT, COUNT, GRADE, LAB, NUM, SORT, WORK, X, XNA, YES, finish, store
import sys

h2o.init(nthreads=1, max_mem_size="1g", log_level="ERRR")
few = dict(seed=1, ntrees=5, max_depth=4)


def frame(data, y):
    table = data[NUM + LAB].copy()
    if y is not None:
        table[y.name] = y.values
    f = h2o.H2OFrame(table, column_types={c: "enum" for c in LAB})
    if y is not None and y.name in ("sort", "answer"):
        f[y.name] = f[y.name].asfactor()
    return f


def water(name, model, y=None, data=X):
    try:
        f = frame(data, y)
        model.train(x=NUM + LAB, y=None if y is None else y.name, training_frame=f)
        model._mojo_path = model.download_mojo(path=str(WORK))
        pipeline = PMMLPipeline([("s", model)])
        pipeline.active_fields = NUM + LAB
        pipeline.target_fields = [y.name] if y is not None else None
        import numpy as np
        pipeline.active_fields = np.array(NUM + LAB)
        pipeline.target_fields = np.array([y.name]) if y is not None else None
        store(name, pipeline, data[NUM + LAB], dump="dill")
    except Exception as e:
        print(f"{name}: {type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}", file=sys.stderr)


for data, suffix in ((X, ""), (XNA, "-na")):
    for y in (AMOUNT, SORT, YES):
        water(f"h2o-gbm-{y.name}{suffix}", H2OGradientBoostingEstimator(**few), y, data)
        water(f"h2o-drf-{y.name}{suffix}", H2ORandomForestEstimator(**few), y, data)
    for f in ("gaussian", "gamma", "poisson", "tweedie", "negativebinomial"):
        k = dict(tweedie_variance_power=1.5) if f == "tweedie" else dict(theta=0.5) if f == "negativebinomial" else {}
        water(f"h2o-glm-{f}{suffix}", H2OGeneralizedLinearEstimator(family=f, seed=1, **k), COUNT if f in ("poisson", "negativebinomial") else AMOUNT, data)
    water(f"h2o-glm-binomial{suffix}", H2OGeneralizedLinearEstimator(family="binomial", seed=1), YES, data)
    water(f"h2o-glm-multinomial{suffix}", H2OGeneralizedLinearEstimator(family="multinomial", seed=1), SORT, data)
    water(f"h2o-glm-skip{suffix}", H2OGeneralizedLinearEstimator(family="gaussian", missing_values_handling="Skip", standardize=False), AMOUNT, data)
for d in ("poisson", "gamma", "tweedie", "laplace", "quantile", "huber"):
    water(f"h2o-gbm-{d}", H2OGradientBoostingEstimator(distribution=d, **few), COUNT if d == "poisson" else AMOUNT)
water("h2o-gbm-enumlimited", H2OGradientBoostingEstimator(categorical_encoding="label_encoder", **few), YES)
water("h2o-drf-double", H2ORandomForestEstimator(binomial_double_trees=True, **few), YES)
for y in (AMOUNT, SORT, YES):
    water(f"h2o-xgb-{y.name}", H2OXGBoostEstimator(**few), y, X)
    water(f"h2o-xgbna-{y.name}", H2OXGBoostEstimator(**few), y, XNA)
water("h2o-iforest", H2OIsolationForestEstimator(ntrees=5, seed=1))
water("h2o-eiforest", H2OExtendedIsolationForestEstimator(ntrees=5, seed=1, sample_size=50, extension_level=2))
for y in (AMOUNT, YES):
    base = []
    for e in (H2OGradientBoostingEstimator, H2ORandomForestEstimator):
        m = e(nfolds=2, fold_assignment="Modulo", keep_cross_validation_predictions=True, **few)
        m.train(x=NUM + LAB, y=y.name, training_frame=frame(X, y))
        base.append(m)
    water(f"h2o-stack-{y.name}", H2OStackedEnsembleEstimator(base_models=base, seed=1), y)
finish()
h2o.cluster().shutdown()
