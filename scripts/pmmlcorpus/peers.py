"""Measures for SUPPORT.md which elements JPMML-evaluator answers: scores the
documents of model/pmml/testdata/features with it, and counts for each element
the documents that it gets right on every row. Run: peers.py FEATURES WORK,
after run.sh; the table goes to standard output.
"""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import jpmml_evaluator

FEATURES, WORK = Path(sys.argv[1]), Path(sys.argv[2])
WORK.mkdir(parents=True, exist_ok=True)


def cases():
    """Name, document, header and rows of every feature."""
    for path in sorted(FEATURES.glob("*.txt")):
        fields = ""
        for part in ("\n" + path.read_text()).split("\n== ")[1:]:
            name, _, rest = part.partition("\n")
            rest = "\n".join(line for line in rest.split("\n") if not line.startswith("#"))
            if rest.startswith("fields "):
                line, _, rest = rest.partition("\n")
                fields = line[len("fields "):]
            body, _, table = rest.partition("\n--\n")
            lines = [line for line in table.split("\n") if line.strip()]
            yield f"{path.stem}/{name}", document(fields, body), lines[0], lines[1:]


def document(fields, body):
    if body.startswith("<PMML"):
        return body
    out = '<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4"><Header/><DataDictionary>'
    for f in fields.split():
        name, _, kind = f.partition(":")
        kind, _, values = kind.partition("=")
        op = "categorical" if kind in ("string", "boolean") or values else "continuous"
        if values.startswith("<"):
            op, values = "ordinal", values[1:]
        out += f'<DataField name="{name}" dataType="{kind}" optype="{op}">'
        out += "".join(f'<Value value="{v}"/>' for v in values.split("|") if v) + "</DataField>"
    return out + "</DataDictionary>" + re.sub(r"\{schema ([^}]*)\}", schema, body) + "</PMML>"


def schema(match):
    out = "<MiningSchema>"
    for f in match[1].split():
        usage, _, name = f.rpartition(":")
        out += f'<MiningField name="{name}" usageType="{usage or "active"}"/>'
    return out + "</MiningSchema>"


def cells(s):
    """Splits at commas outside of brackets."""
    out, depth, cell = [], 0, ""
    for c in s.strip():
        depth += (c == "[") - (c == "]")
        if c == "," and depth <= 0:
            out.append(cell)
            cell = ""
        else:
            cell += c
    return [c.strip().strip('"') for c in out + [cell]] if s.strip() else []


def equal(got, want):
    try:
        return abs(float(got) - float(want)) <= 1e-9 * max(1, abs(float(want)))
    except ValueError:
        return got == want


def right(result, header, rows):
    lines = [line.split("\t") for line in result.read_text().splitlines()]
    names = cells(header.partition("=>")[2])
    for line, row in zip(lines[1:], rows):
        want = cells(row.partition("=>")[2])
        got = dict(zip(lines[0], line))
        if got.get("_error") or len(got) < len(lines[0]):
            if want and want[0] in ("invalid-input", "missing-input", "no-result"):
                continue
            return False
        if len(want) != len(names) or not all(equal(got.get(n, "NA"), w) for n, w in zip(names, want)):
            return False
    return len(lines) == len(rows) + 1


jobs, done = "", []
for i, (name, doc, header, rows) in enumerate(cases()):
    source, table, result = (WORK / f"{i}{suffix}" for suffix in (".pmml", ".in.tsv", ".out.tsv"))
    source.write_text(doc)
    inputs = [header.partition("=>")[0]] + [r.partition("=>")[0] for r in rows]
    table.write_text("\n".join("\t".join(cells(r)) or "NA" for r in inputs) + "\n")
    jobs += f"{source}\t{table}\t{result}\n"
    done.append((doc, result, header, rows))
jars = str(Path(jpmml_evaluator.__file__).parent / "dependencies" / "*")
subprocess.run(["javac", "-cp", jars, "-d", str(WORK), str(Path(__file__).parent / "Reference.java")], check=True)
subprocess.run(["java", "-cp", f"{WORK}:{jars}", "Reference"], input=jobs, text=True, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
count = defaultdict(lambda: [0, 0])
for doc, result, header, rows in done:
    good = right(result, header, rows)
    for element in set(re.findall(r"<([A-Za-z][\w-]*)", doc)):
        count[element][0] += good
        count[element][1] += 1
for element in sorted(count):
    print(f"{element}\t{count[element][0]}\t{count[element][1]}")
