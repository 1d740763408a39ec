#!/usr/bin/env bash
# Makes several hundred documents with the exporters that the registries serve (sklearn2pmml with scikit-learn, XGBoost,
# LightGBM, statsmodels, H2O and friends; JPMML-R where Rscript is; JPMML-SparkML with pyspark), scores them with
# JPMML-evaluator, and leaves all under .cache/pmmlwide/documents, where "go test -tags pmmlwide -run TestWide ./model/pmml" compares them row by row. Nothing of it
# is committed. Needs Python 3.11, Java 17 and Maven; with arguments only these parts are made: estimators transformers
# libraries stats water spark r.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=$PWD/scripts/pmmlcorpus/wide
cache=$PWD/.cache/pmmlwide
mkdir -p "$cache"/{work,documents,classes}
if ! cmp -s "$here/requirements.txt" "$cache/installed.txt"; then
	python3 -m venv "$cache/venv"
	"$cache/venv/bin/pip" install -q -r "$here/requirements.txt"
	cp "$here/requirements.txt" "$cache/installed.txt"
fi
python=$cache/venv/bin/python
jars=$("$python" -c 'import pathlib, sklearn2pmml; print(pathlib.Path(sklearn2pmml.__file__).parent / "resources")')

pickles() { # pickles a part's pipelines and converts them
	"$python" "$here/$1.py" "$cache/documents" "$cache/work"
	javac -cp "$jars/*" -d "$cache/classes" "$here/Convert.java"
	java -Xmx1g -cp "$cache/classes:$jars/*" Convert <"$cache/work/$1.jobs"
}
maven() { # brings a converter of the JPMML family: folder
	[ -d "$cache/$1/jars" ] || mvn -q -B -f "$here/$1.pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$cache/$1/jars"
}

for part in ${@:-estimators transformers libraries stats water spark r}; do
	case $part in
	spark)
		maven spark
		"$python" "$here/spark.py" "$cache/documents" "$cache/work" "$cache/spark/jars" ;;
	r)
		command -v Rscript >/dev/null || { echo "no Rscript: the documents of R are left out (Debian: r-base-core and the packages named in models.R)" >&2; continue; }
		maven rexp
		"$python" "$here/common.py" "$cache/documents" "$cache/work"
		Rscript "$here/models.R" "$cache/documents" "$cache/work"
		javac -cp "$cache/rexp/jars/*" -d "$cache/classes" "$here/ConvertR.java"
		java -Xmx1g -cp "$cache/classes:$cache/rexp/jars/*" ConvertR <"$cache/work/models.jobs" ;;
	*) pickles "$part" ;;
	esac
done
"$python" "$here/inputs.py" "$cache/documents" "$cache/classes"
