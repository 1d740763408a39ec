"""Makes variants of documents: other treatments, strategies, methods, functions and versions than their exporters write.
Arguments: a folder of documents with inputs, a folder for the variants, how many for each document, a seed. inputs.py scores
them. A variant need not make sense; what counts is that both engines do the same with it.
"""

import random
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

NS = "http://www.dmg.org/PMML-4_4"
ENUMS = {
    ("TreeModel", "missingValueStrategy"): ["lastPrediction", "nullPrediction", "defaultChild", "none"],
    ("TreeModel", "noTrueChildStrategy"): ["returnNullPrediction", "returnLastPrediction"],
    ("TreeModel", "missingValuePenalty"): ["0.5", "0.8"],
    ("Segmentation", "multipleModelMethod"): ["majorityVote", "weightedMajorityVote", "average", "weightedAverage", "median", "max", "sum", "weightedSum", "selectFirst", "selectAll", "modelChain", "x-weightedMedian"],
    ("Segmentation", "missingPredictionTreatment"): ["continue", "skipSegment", "returnMissing"],
    ("Segmentation", "missingThreshold"): ["0", "0.3", "1"],
    ("Segment", "weight"): ["0", "0.5", "2", "3.25"],
    ("RegressionModel", "normalizationMethod"): ["none", "simplemax", "softmax", "logit", "probit", "cloglog", "exp", "loglog", "cauchit"],
    ("NumericPredictor", "exponent"): ["2", "3", "1"],
    ("NeuralNetwork", "activationFunction"): ["logistic", "tanh", "identity", "exponential", "reciprocal", "square", "Gauss", "sine", "cosine", "Elliott", "arctan", "rectifier"],
    ("NeuralNetwork", "normalizationMethod"): ["none", "simplemax", "softmax"],
    ("NeuralLayer", "activationFunction"): ["logistic", "tanh", "identity", "rectifier", "Elliott", "arctan"],
    ("NeuralLayer", "normalizationMethod"): ["none", "simplemax", "softmax"],
    ("MiningField", "invalidValueTreatment"): ["returnInvalid", "asIs", "asMissing"],
    ("MiningField", "missingValueReplacement"): ["1", "0", "2.5", "red", "yes"],
    ("MiningField", "missingValueTreatment"): ["asIs", "asMean", "asMode", "asMedian", "asValue", "returnInvalid"],
    ("MiningField", "usageType"): ["active", "supplementary"],
    ("MiningField", "outliers"): ["asExtremeValues", "asMissingValues"],
    ("Apply", "mapMissingTo"): ["0", "1.5", "-3"], ("Apply", "defaultValue"): ["0", "2.5"], ("Apply", "invalidValueTreatment"): ["asIs", "asMissing", "returnInvalid"],
    ("Apply", "function"): ["+", "-", "*", "/", "min", "max", "sum", "avg", "equal", "notEqual", "lessThan", "greaterOrEqual", "and", "or", "if", "isIn", "pow", "ln", "exp", "sqrt", "abs", "floor", "ceil", "round", "threshold", "isMissing", "isNotMissing", "isValid", "modulo", "product", "median", "log10", "rint", "not"],
    ("FieldRef", "mapMissingTo"): ["0", "3"],
    ("NormContinuous", "outliers"): ["asIs", "asMissingValues", "asExtremeValues"], ("NormContinuous", "mapMissingTo"): ["0.5"],
    ("NormDiscrete", "mapMissingTo"): ["0", "1"], ("Discretize", "defaultValue"): ["0", "a"], ("Discretize", "mapMissingTo"): ["1", "b"], ("MapValues", "defaultValue"): ["0"], ("MapValues", "mapMissingTo"): ["1"],
    ("Interval", "closure"): ["openOpen", "openClosed", "closedOpen", "closedClosed"],
    ("SimplePredicate", "operator"): ["equal", "notEqual", "lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual", "isMissing", "isNotMissing"],
    ("CompoundPredicate", "booleanOperator"): ["and", "or", "xor", "surrogate"], ("SimpleSetPredicate", "booleanOperator"): ["isIn", "isNotIn"],
    ("ClusteringField", "compareFunction"): ["absDiff", "gaussSim", "delta", "equal"], ("ClusteringField", "fieldWeight"): ["2", "0.5"], ("ComparisonMeasure", "compareFunction"): ["absDiff", "delta", "equal", "gaussSim"],
    ("ComparisonMeasure", "minimum"): ["1"], ("NearestNeighborModel", "continuousScoringMethod"): ["median", "average", "weightedAverage"], ("NearestNeighborModel", "categoricalScoringMethod"): ["majorityVote", "weightedMajorityVote"], ("NearestNeighborModel", "numberOfNeighbors"): ["1", "2", "5"], ("NearestNeighborModel", "threshold"): ["0.1"], ("KNNInput", "compareFunction"): ["absDiff", "delta", "equal"], ("KNNInput", "fieldWeight"): ["2"],
    ("SupportVectorMachineModel", "classificationMethod"): ["OneAgainstAll", "OneAgainstOne"], ("SupportVectorMachineModel", "maxWins"): ["false"], ("SupportVectorMachineModel", "threshold"): ["0.5", "-1"], ("RadialBasisKernelType", "gamma"): ["0.5", "2"],
    ("NaiveBayesModel", "threshold"): ["0", "0.1", "0.001"], ("OutputField", "feature"): ["predictedValue", "probability", "predictedDisplayValue", "entityId", "affinity", "confidence", "residual", "transformedValue"], ("OutputField", "dataType"): ["string", "double", "float", "integer"], ("OutputField", "rank"): ["1", "2"],
    ("DataField", "dataType"): ["string", "double", "float", "integer", "boolean"], ("DataField", "optype"): ["continuous", "categorical", "ordinal"],
    ("Constant", "dataType"): ["double", "integer", "string", "float"], ("Constant", "missing"): ["true"],
    ("GeneralRegressionModel", "linkFunction"): ["identity", "log", "logit", "probit", "cloglog", "loglog", "logc"], ("Scorecard", "reasonCodeAlgorithm"): ["pointsAbove", "pointsBelow"], ("Scorecard", "useReasonCodes"): ["false", "true"], ("Scorecard", "initialScore"): ["10"],
    ("TextIndex", "localTermWeights"): ["termFrequency", "binary", "logarithmic"], ("TextIndex", "isCaseSensitive"): ["true", "false"], ("TextIndex", "tokenize"): ["true", "false"], ("TextIndex", "countHits"): ["allHits", "bestHits"], ("TextIndex", "maxLevenshteinDistance"): ["1"],
    ("*", "x-mathContext"): ["float"],
}
TARGETS = [{"rescaleFactor": "2"}, {"rescaleConstant": "-1"}, {"min": "1"}, {"max": "3"}, {"castInteger": "round"}, {"castInteger": "ceiling"}, {"castInteger": "floor", "rescaleFactor": "1.5"}]


def local(e):
    return e.tag.rpartition("}")[2]


def attribute(root, r):
    """Sets an attribute of some element to a value that the standard knows."""
    (name, attr), values = r.choice(list(ENUMS.items()))
    found = [e for e in root.iter() if local(e) == name or name == "*" and local(e).endswith(("Model", "Network"))]
    if not found:
        return False
    r.choice(found).set(attr, r.choice(values))
    return True


def drop(root, r):
    """Leaves out an optional attribute, or an element of a list."""
    found = [(e, a) for e in root.iter() for a in e.attrib if (local(e), a) in ENUMS or a in ("recordCount", "mapMissingTo", "id", "optype")]
    if not found:
        return False
    e, a = r.choice(found)
    del e.attrib[a]
    return True


def number(root, r):
    """Changes a number."""
    names = ("score", "coefficient", "intercept", "value", "recordCount", "weight", "bias", "leftMargin", "rightMargin", "orig", "norm", "confidence")
    found = [(e, a) for e in root.iter() for a in e.attrib if a in names and re.fullmatch(r"-?[\d.]+(E-?\d+)?", e.get(a)) and local(e) not in ("Value", "OutputField")]
    if not found:
        return False
    e, a = r.choice(found)
    e.set(a, r.choice(["0", "1", "-2", "0.5", "100", "1E10"]))
    return True


def targets(root, r):
    """Gives the model a Target."""
    model = next((e for e in root if any(local(c) == "MiningSchema" for c in e)), None)
    name = next((f.get("name") for f in model.iter() if local(f) == "MiningField" and f.get("usageType") in ("target", "predicted")), None)
    if name is None or any(local(c) == "Targets" for c in model):
        return False
    at = max(i for i, c in enumerate(model) if local(c) in ("MiningSchema", "Output", "ModelStats")) + 1
    t = ET.Element(f"{{{NS}}}Targets")
    target = ET.SubElement(t, f"{{{NS}}}Target", {"field": name, **r.choice(TARGETS)})
    if r.random() < 0.4:
        if model.get("functionName") == "regression":
            ET.SubElement(target, f"{{{NS}}}TargetValue", {"defaultValue": "4.5"})
        else:
            for v in [f for f in root.iter() if local(f) == "DataField" and f.get("name") == name][0]:
                if local(v) == "Value":
                    ET.SubElement(target, f"{{{NS}}}TargetValue", {"value": v.get("value"), "displayValue": v.get("value").upper(), "priorProbability": "0.25"})
    model.insert(at, t)
    return True


def outputs(root, r):
    """Adds output fields of every kind."""
    model = next((e for e in root if any(local(c) == "MiningSchema" for c in e)), None)
    out = next((c for c in model if local(c) == "Output"), None)
    if out is None:
        out = ET.Element(f"{{{NS}}}Output")
        model.insert([local(c) for c in model].index("MiningSchema") + 1, out)
    for i, feature in enumerate(r.sample(["predictedValue", "predictedDisplayValue", "probability", "entityId", "affinity", "warning", "transformedValue"], 3)):
        e = ET.SubElement(out, f"{{{NS}}}OutputField", {"name": f"Predicted_{i}", "feature": feature})
        if feature == "transformedValue":
            field = next((f.get("name") for f in out if f is not e), "Predicted_0")
            a = ET.SubElement(e, f"{{{NS}}}Apply", {"function": r.choice(["isMissing", "concat", "sum"])})
            ET.SubElement(a, f"{{{NS}}}FieldRef", {"field": field})
            if a.get("function") != "isMissing":
                ET.SubElement(a, f"{{{NS}}}FieldRef", {"field": field})
    return True


def version(root, r):
    """Another version of the markup."""
    v = r.choice(["3.2", "4.0", "4.1", "4.2", "4.3"])
    root.set("version", v)
    root.set("x-version", v)
    return True


def predicted(root, r):
    for e in root.iter():
        if local(e) == "MiningField" and e.get("usageType") == "target":
            e.set("usageType", "predicted")
    return True


def vary(text, r):
    root = ET.fromstring(text)
    done = 0
    while done < r.choice([1, 1, 2, 3]):
        kind = r.choices([attribute, drop, number, targets, outputs, version, predicted], [12, 3, 3, 3, 2, 1, 1])[0]
        done += bool(kind(root, r))
    v = root.attrib.pop("x-version", None)
    s = ET.tostring(root, encoding="unicode")
    return s.replace("PMML-4_4", "PMML-" + v.replace(".", "_")) if v else s


def main():
    source, out, count, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    out.mkdir(parents=True, exist_ok=True)
    ET.register_namespace("", NS)
    ET.register_namespace("data", "http://jpmml.org/jpmml-model/InlineTable")
    for document in sorted(source.glob("*.pmml")):
        if document.stat().st_size > 60_000:
            continue
        r = random.Random(seed + document.name)
        text = re.sub(r"PMML-4_\d", "PMML-4_4", document.read_text())
        for i in range(count):
            base = out / f"{document.stem}-{seed}{i}"
            (base.parent / (base.name + ".pmml")).write_text(vary(text, r))
            (base.parent / (base.name + ".input.tsv")).write_text(Path(str(document)[:-5] + ".input.tsv").read_text())


main()
