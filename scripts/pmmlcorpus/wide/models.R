# Models of R for JPMML-R: saved as RDS. Arguments: the folder of the samples, the folder for work. Packages that are not
# installed are left out and told. Debian: r-cran-randomforest gbm e1071 ranger rpart nnet earth survival glmnet mass party
# partykit caret kernlab.
args <- commandArgs(trailingOnly = TRUE)
out <- args[1]; work <- args[2]
set.seed(5)
n <- 240
data <- data.frame(len = round(rnorm(n, 5, 2), 2), wid = round(rgamma(n, 2, 0.7), 2), age = sample(18:89, n, TRUE),
  col = factor(sample(c("red", "green", "blue"), n, TRUE)), smk = factor(sample(c("yes", "no"), n, TRUE)))
s <- data$len - 1.5 * data$wid + 0.05 * data$age + (data$col == "red") * 2 + rnorm(n)
data$amount <- round(exp(s / 4) + 1, 3)
data$sort <- factor(ifelse(s > 4, "high", ifelse(s > 1, "mid", "low")))
data$answer <- factor(ifelse(s > 2, "yes", "no"))
data$count <- rpois(n, exp(pmin(s, 4) / 4))
data$grade <- factor(data$sort, levels = c("low", "mid", "high"), ordered = TRUE)
jobs <- character()

keep <- function(name, model) {
  path <- file.path(work, paste0(name, ".rds"))
  saveRDS(model, path, version = 2)
  x <- data[1:60, c("len", "wid", "age", "col", "smk")]
  write.table(x, file.path(out, paste0(name, ".sample.tsv")), sep = "\t", row.names = FALSE, quote = FALSE)
  jobs <<- c(jobs, paste(path, file.path(out, paste0(name, ".pmml")), sep = "\t"))
}
decorate <- function(m) { # what r2pmml's decorate() adds to a support vector machine
  m$xlevels <- Filter(Negate(is.null), lapply(data[, c("len", "wid", "age", "col", "smk")], levels))
  m
}
make <- function(name, package, expr) {
  e <- substitute(expr)
  if (!suppressWarnings(suppressMessages(requireNamespace(package, quietly = TRUE)))) { message(name, ": no package ", package); return(invisible()) }
  suppressWarnings(suppressMessages(library(package, character.only = TRUE)))
  tryCatch(keep(paste0("rexp-", name), suppressWarnings(eval(e, globalenv()))), error = function(x) message(name, ": ", conditionMessage(x)))
}
X <- amount ~ len + wid + age + col + smk
S <- sort ~ len + wid + age + col + smk
A <- answer ~ len + wid + age + col + smk
make("lm", "stats", lm(X, data))
make("lm-inter", "stats", lm(amount ~ len:wid + col * smk + age, data))
make("lm-square", "stats", lm(amount ~ I(len^2) + log(age) + sqrt(age) + exp(len / 10), data))
make("lm-ifelse", "stats", lm(amount ~ I(ifelse(wid > 2 & len <= 6, wid, 0)) + I(abs(len) - wid / 3), data))
make("lm-cut", "stats", lm(amount ~ cut(len, c(-10, 3, 5, 20)) + wid, data))
make("lm-plyr", "plyr", lm(amount ~ mapvalues(col, c("red", "green", "blue"), c("a", "b", "a")) + wid, data))
for (f in c("gaussian", "poisson", "Gamma")) make(paste0("glm-", f), "stats", glm(if (f == "poisson") count ~ len + wid + age + col + smk else X, data = data, family = if (f == "Gamma") Gamma(link = "log") else f))
for (l in c("logit", "probit", "cloglog", "cauchit", "log")) make(paste0("glm-binomial-", l), "stats", glm(A, data = data, family = binomial(link = l), start = if (l == "log") c(-3, rep(0, 6)) else NULL))
make("glm-inverse", "stats", glm(X, data = data, family = Gamma(), start = c(0.2, rep(0, 6))))
make("glm-quasi", "stats", glm(count ~ len + wid + col, data = data, family = quasipoisson()))
make("negbin", "MASS", glm.nb(count ~ len + wid + col, data))
make("polr", "MASS", polr(grade ~ len + wid + col, data))
make("polr-probit", "MASS", polr(grade ~ len + wid + col, data, method = "probit"))
make("lda", "MASS", lda(S, data))
make("kmeans", "stats", kmeans(data[, c("len", "wid", "age")], 3))
make("rpart-class", "rpart", rpart(S, data))
make("rpart-anova", "rpart", rpart(X, data))
make("rpart-poisson", "rpart", rpart(count ~ len + wid + age + col, data, method = "poisson"))
make("rpart-surrogate", "rpart", rpart(A, data, control = rpart.control(maxsurrogate = 3, usesurrogate = 2)))
make("forest-class", "randomForest", randomForest(S, data, ntree = 7))
make("forest-reg", "randomForest", randomForest(X, data, ntree = 7))
make("forest-matrix", "randomForest", randomForest(data[, c("len", "wid", "age", "col")], data$answer, ntree = 5))
for (d in c("gaussian", "laplace", "poisson", "bernoulli", "adaboost", "multinomial", "coxph")) {
  dd <- data; dd$y <- switch(d, bernoulli = , adaboost = as.integer(data$answer == "yes"), poisson = data$count, multinomial = data$sort, data$amount)
  make(paste0("gbm-", d), "gbm", gbm(y ~ len + wid + age + col + smk, data = dd, distribution = d, n.trees = 6, interaction.depth = 3, keep.data = FALSE))
}
for (k in c("linear", "polynomial", "radial", "sigmoid")) {
  make(paste0("svm-c-", k), "e1071", decorate(svm(S, data, kernel = k)))
  make(paste0("svm-2-", k), "e1071", decorate(svm(A, data, kernel = k, scale = FALSE)))
  make(paste0("svm-r-", k), "e1071", decorate(svm(X, data, kernel = k, type = "nu-regression")))
}
make("svm-nu", "e1071", decorate(svm(S, data, type = "nu-classification", nu = 0.2)))
make("svm-one", "e1071", svm(data[, c("len", "wid", "age")], type = "one-classification"))
make("bayes", "e1071", naiveBayes(S, data))
make("bayes-laplace", "e1071", naiveBayes(A, data, laplace = 2))
make("multinom", "nnet", multinom(S, data, trace = FALSE))
make("multinom-2", "nnet", multinom(A, data, trace = FALSE))
make("nnet-class", "nnet", nnet(S, data, size = 3, trace = FALSE))
make("nnet-2", "nnet", nnet(A, data, size = 3, trace = FALSE))
make("nnet-reg", "nnet", nnet(X, data, size = 4, linout = TRUE, trace = FALSE))
make("nnet-skip", "nnet", nnet(X, data, size = 2, linout = TRUE, skip = TRUE, trace = FALSE))
make("earth", "earth", earth(X, data))
make("earth-2", "earth", earth(X, data, degree = 2))
make("earth-glm", "earth", earth(A, data, glm = list(family = binomial)))
make("cox", "survival", coxph(Surv(amount, answer == "yes") ~ len + wid + col, data))
m <- as.matrix(data[, c("len", "wid", "age")])
for (f in c("gaussian", "binomial", "multinomial", "poisson")) {
  y <- switch(f, gaussian = data$amount, binomial = data$answer, multinomial = data$sort, poisson = data$count)
  make(paste0("glmnet-", f), "glmnet", { g <- glmnet(m, y, family = f); g$lambda.s <- g$lambda[10]; g })
  make(paste0("cvglmnet-", f), "glmnet", cv.glmnet(m, y, family = f, nfolds = 3))
}
make("ranger-reg", "ranger", { r <- ranger(X, data, num.trees = 6, write.forest = TRUE); r$variable.levels <- lapply(data[, c("len", "wid", "age", "col", "smk")], function(x) if (is.factor(x)) levels(x) else NULL); r })
make("ranger-prob", "ranger", { r <- ranger(S, data, num.trees = 6, probability = TRUE); r$variable.levels <- lapply(data[, c("len", "wid", "age", "col", "smk")], function(x) if (is.factor(x)) levels(x) else NULL); r })
make("ranger-class", "ranger", { r <- ranger(S, data, num.trees = 6); r$variable.levels <- lapply(data[, c("len", "wid", "age", "col", "smk")], function(x) if (is.factor(x)) levels(x) else NULL); r })
make("ctree-class", "party", ctree(S, data))
make("ctree-reg", "party", ctree(X, data))
for (p in c("pca", "range", "scale", "medianImpute")) make(paste0("caret-lm-", p), "caret", { t <- train(amount ~ len + wid + age, data, method = "lm", preProcess = if (p == "scale") c("center", "scale") else p); t })
make("caret-rpart", "caret", train(S, data, method = "rpart"))
make("caret-glm", "caret", train(A, data, method = "glm"))
make("prcomp", "stats", prcomp(m))
writeLines(jobs, file.path(work, "models.jobs"))
message(length(jobs), " models")
