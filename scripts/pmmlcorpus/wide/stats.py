"""statsmodels behind sklearn2pmml's wrappers."""

import warnings

import statsmodels.api as sm
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn2pmml.statsmodels import StatsModelsClassifier, StatsModelsOrdinalClassifier, StatsModelsRegressor
from statsmodels.discrete.discrete_model import Logit, MNLogit, Poisson, Probit
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.regression.linear_model import GLS, OLS, WLS
from statsmodels.regression.quantile_regression import QuantReg

import pandas as pd

from common import AMOUNT, BIT, COUNT, GRADE, LAB, NUM, SORT, YES, finish, make

warnings.filterwarnings("ignore")


def enc():
    return ColumnTransformer([("n", StandardScaler(), NUM), ("c", OneHotEncoder(sparse_output=False, drop="first"), LAB)])


for intercept in (True, False):
    k = dict(fit_intercept=intercept)
    for model in (OLS, WLS, GLS, QuantReg):
        make(f"sm-{model.__name__}-{intercept}", lambda: [enc(), StatsModelsRegressor(model, **k)], AMOUNT)
    for name, family in {"gaussian": sm.families.Gaussian(), "gaussian-log": sm.families.Gaussian(sm.families.links.Log()), "gamma": sm.families.Gamma(sm.families.links.Log()), "gamma-inv": sm.families.Gamma(), "invgauss": sm.families.InverseGaussian(sm.families.links.Log()), "poisson": sm.families.Poisson(), "poisson-sqrt": sm.families.Poisson(sm.families.links.Sqrt()), "negbin": sm.families.NegativeBinomial(), "tweedie": sm.families.Tweedie()}.items():
        make(f"sm-glm-{name}-{intercept}", lambda: [enc(), StatsModelsRegressor(sm.GLM, family=family, **k)], COUNT if "poi" in name or "neg" in name else AMOUNT)
    for name, link in {"logit": sm.families.links.Logit(), "probit": sm.families.links.Probit(), "cloglog": sm.families.links.CLogLog(), "cauchy": sm.families.links.Cauchy(), "loglog": sm.families.links.LogLog()}.items():
        make(f"sm-binomial-{name}-{intercept}", lambda: [enc(), StatsModelsClassifier(sm.GLM, family=sm.families.Binomial(link), **k)], BIT)
        make(f"sm-binomialr-{name}-{intercept}", lambda: [enc(), StatsModelsRegressor(sm.GLM, family=sm.families.Binomial(link), **k)], BIT)
    make(f"sm-logit-{intercept}", lambda: [enc(), StatsModelsClassifier(Logit, **k)], YES)
    make(f"sm-probit-{intercept}", lambda: [enc(), StatsModelsClassifier(Probit, **k)], YES)
    make(f"sm-mnlogit-{intercept}", lambda: [enc(), StatsModelsClassifier(MNLogit, **k)], SORT)
    make(f"sm-poisson-{intercept}", lambda: [enc(), StatsModelsRegressor(Poisson, **k)], COUNT)
grades = pd.Series(pd.Categorical(GRADE.map({0: "low", 1: "mid", 2: "high"}), categories=["low", "mid", "high"], ordered=True), name="grade")
for distr in ("logit", "probit"):
    make(f"sm-ordinal-{distr}", lambda: [enc(), StatsModelsOrdinalClassifier(OrderedModel, distr=distr)], grades)
make("sm-ols-regularized", lambda: [enc(), StatsModelsRegressor(OLS)], AMOUNT, fit={"s1__fit_method": "fit_regularized"})
finish()
