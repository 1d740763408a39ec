"""Makes input rows for any document: values from its training data where there is a sample (NAME.sample.tsv), values near
the document's own thresholds, and rows with what is missing, unknown, malformed or extreme. Arguments: the folder of the
documents and a folder for the reference; writes NAME.input.tsv beside each document that is newer than its, and scores all of them with
JPMML-evaluator in one process (NAME.expected.tsv).
"""

import random
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path

ROWS = 36
STRANGE = {
    "string": ["", "unknown", " ", "NaN", "1"],
    "double": ["-1e9", "1e9", "0", "abc", "", "1e300", "1e-9"],
    "float": ["-1e9", "1e9", "0", "abc", "", "1e30", "0.1"],
    "integer": ["-7", "0", "1000000", "2.5", "x", "", "3.0"],
    "boolean": ["true", "false", "1", "0", "maybe", "TRUE"],
    "date": ["2019-02-28", "2020-02-30", "x", "1960-01-01"],
    "dateTime": ["2019-02-28T23:59:59", "x", "1959-12-31T00:00:01"],
    "time": ["00:00:00", "23:59:59", "x"],
}


def local(e):
    return e.tag.rpartition("}")[2]


def fields(root):
    """Name → (type, plausible values) of the active fields of the first model."""
    types, values = {}, {}
    for e in root.iter():
        if local(e) == "DataField":
            name = e.get("name")
            types[name] = e.get("dataType") or "string"
            values[name] = [v.get("value") for v in e if local(v) == "Value" and v.get("property", "valid") == "valid"]
            for i in e:
                if local(i) == "Interval":
                    values[name] += [v for v in (i.get("leftMargin"), i.get("rightMargin")) if v]
    model = next((e for e in root if any(local(c) == "MiningSchema" for c in e)), None)
    if model is None:
        return {}
    schema = next(c for c in model if local(c) == "MiningSchema")
    active = [f.get("name") for f in schema if local(f) == "MiningField" and f.get("usageType", "active") in ("active", "order", "group", "supplementary")]
    near = {name: set() for name in active}
    for e in root.iter():
        name = e.get("field") or e.get("name")
        if local(e) == "SimplePredicate" and e.get("value") and name in near:
            near[name].add(e.get("value"))
        if local(e) in ("Discretize", "NormContinuous", "SimpleSetPredicate", "MapValues") and name in near:
            for c in e.iter():
                for a in ("leftMargin", "rightMargin", "orig"):
                    if c.get(a):
                        near[name].add(c.get(a))
                if local(c) == "Array" and c.text:
                    near[name].update(v.strip('"') for v in re.findall(r'"[^"]*"|\S+', c.text))
        if local(e) in ("NormDiscrete", "CategoricalPredictor", "PPCell", "PairCounts") and e.get("value"):
            owner = e.get("field") or e.get("name") or e.get("predictorName")
            if owner in near:
                near[owner].add(e.get("value"))
    return {n: (types.get(n, "string"), sorted(set(values.get(n, [])) | near[n])[:400]) for n in active}


def plausible(kind, known, r):
    if known and r.random() < 0.9:
        v = r.choice(known)
        try:
            if kind in ("double", "float") and r.random() < 0.6:
                return repr(float(v) + r.choice([-1, 1]) * r.choice([0.01, 0.5, 3]))
            if kind == "integer" and r.random() < 0.6:
                return str(int(float(v)) + r.randint(-2, 2))
        except ValueError:
            pass
        return v
    return {
        "double": lambda: f"{r.gauss(1, 3):.3f}", "float": lambda: f"{r.gauss(1, 3):.2f}", "integer": lambda: str(r.randint(-3, 60)),
        "boolean": lambda: r.choice(["true", "false"]), "date": lambda: f"{r.randint(1961, 2030)}-{r.randint(1, 12):02}-{r.randint(1, 28):02}",
        "dateTime": lambda: f"{r.randint(1961, 2030)}-{r.randint(1, 12):02}-{r.randint(1, 28):02}T{r.randint(0, 23):02}:{r.randint(0, 59):02}:{r.randint(0, 59):02}",
        "time": lambda: f"{r.randint(0, 23):02}:{r.randint(0, 59):02}:{r.randint(0, 59):02}",
    }.get(kind, lambda: r.choice(["a", "b", "yes", "no", "x y"]))()


def rows(document, sample):
    root = ET.parse(document).getroot()
    active = fields(root)
    r = random.Random(zlib.crc32(document.name.encode()))
    columns, base = list(active) or ["none"], []
    active = active or {"none": ("string", [])}
    if sample.exists():
        lines = [line.split("\t") for line in sample.read_text().split("\n") if line]
        base = [dict(zip(lines[0], line)) for line in lines[1:]]
    table = []
    for i in range(ROWS):
        known = r.choice(base) if base and r.random() < 0.7 else {}
        row = {c: known[c] if c in known else plausible(*active[c], r) for c in columns}
        if i >= ROWS // 2 and columns:
            for _ in range(r.choice([1, 1, 1, 2, 3])):
                c = r.choice(columns)
                row[c] = "NA" if r.random() < 0.5 else r.choice(STRANGE.get(active[c][0], STRANGE["string"]))
        if i == ROWS - 1:
            row = dict.fromkeys(columns, "NA")
        table.append([re.sub(r"[\t\n]", " ", row[c]) for c in columns])
    return columns, table


def main():
    folder, work = Path(sys.argv[1]), Path(sys.argv[2])
    jobs = ""
    for document in sorted(folder.rglob("*.pmml")):
        base = document.with_suffix("")
        source, result = Path(f"{base}.input.tsv"), Path(f"{base}.expected.tsv")
        if not source.exists() or source.stat().st_mtime < document.stat().st_mtime:
            try:
                columns, table = rows(document, Path(f"{base}.sample.tsv"))
            except (ET.ParseError, StopIteration) as e:
                print(f"{document}: {e}", file=sys.stderr)
                continue
            source.write_text("\n".join("\t".join(row) for row in [columns] + table) + "\n")
        if not result.exists() or result.stat().st_mtime < source.stat().st_mtime:
            jobs += f"{document}\t{source}\t{result}\n"
    import jpmml_evaluator
    jars = str(Path(jpmml_evaluator.__file__).parent / "dependencies" / "*")
    work.mkdir(parents=True, exist_ok=True)
    subprocess.run(["javac", "-cp", jars, "-d", str(work), str(Path(__file__).parent.parent / "Reference.java")], check=True)
    subprocess.run(["java", "-Xmx1g", "-cp", f"{work}:{jars}", "Reference"], input=jobs, text=True, check=True)


main()
