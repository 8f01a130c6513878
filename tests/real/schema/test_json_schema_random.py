#!/usr/bin/env python3
"""Goal: on random schemas and values the verdict is that of other implementations.
Method: schemas of all keywords over few names and small values, so that they often nearly match; valijson (where libvalijson-dev and
rapidjson-dev are installed) and python3-jsonschema judge the same pairs.  Where valijson is known to differ from draft-07, the pair is left out (known_valijson).
The seed is printed; TEST_SEED repeats a run."""
import json, os, random, subprocess, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lines import HERE, ask, build

SCHEMAS = 4000 if os.environ.get("TEST_LONG") else 800
VALUES = 12
NAMES = ["a", "b", "ab", "c1"]
PATTERNS = ["^a", "b$", "^[a-c]+$", "1", "^.{2}$", "x*"]


def value(r, depth=0):
    kind = r.randrange(9 if depth < 3 else 6)
    if kind == 0:
        return r.choice([None, True, False])
    if kind in (1, 2):
        return r.choice([-2, 0, 1, 2, 3, 6, 1.0, 2.5, 0.5, -1.5])
    if kind < 6:
        return r.choice(["", "a", "b", "ab", "abc", "c1", "\u00e4\u00e4", "\U0001f600"])
    if kind == 6:
        return [value(r, depth + 1) for _ in range(r.randrange(4))]
    return {name: value(r, depth + 1) for name in r.sample(NAMES, r.randrange(4))}


def schema(r, depth=0):
    if depth > 2 or r.random() < 0.08:
        return r.choice([True, {}, {"type": r.choice(["string", "number", "integer", "object", "array"])}, False])
    if depth > 0 and r.random() < 0.06:
        return {"$ref": r.choice(["#/definitions/d", "#/definitions/e"])}
    sub = lambda: schema(r, depth + 1)
    some = lambda: [sub() for _ in range(r.randrange(1, 4))]
    makers = {
        "type": lambda: r.choice([r.choice(["string", "number", "integer", "object", "array", "null", "boolean"]), r.sample(["string", "integer", "object", "array"], 2)]),
        "enum": lambda: [value(r, 2) for _ in range(3)], "const": lambda: value(r, 2),
        "multipleOf": lambda: r.choice([1, 2, 0.5, 3]), "maximum": lambda: r.randrange(4), "minimum": lambda: r.randrange(3),
        "exclusiveMaximum": lambda: r.randrange(4), "exclusiveMinimum": lambda: r.randrange(3),
        "maxLength": lambda: r.randrange(4), "minLength": lambda: r.randrange(3), "pattern": lambda: r.choice(PATTERNS),
        "items": lambda: r.choice([sub, some])(), "additionalItems": sub, "maxItems": lambda: r.randrange(4), "minItems": lambda: r.randrange(3),
        "uniqueItems": lambda: True, "contains": sub, "maxProperties": lambda: r.randrange(4), "minProperties": lambda: r.randrange(3),
        "required": lambda: r.sample(NAMES, r.randrange(3)), "properties": lambda: {n: sub() for n in r.sample(NAMES, r.randrange(1, 4))},
        "patternProperties": lambda: {p: sub() for p in r.sample(PATTERNS, r.randrange(1, 3))}, "additionalProperties": sub,
        "dependencies": lambda: {n: r.choice([sub, lambda: r.sample(NAMES, 1)])() for n in r.sample(NAMES, 1)}, "propertyNames": sub,
        "allOf": some, "anyOf": some, "oneOf": some, "not": sub, "if": sub, "then": sub, "else": sub,
    }
    return {name: makers[name]() for name in r.sample(sorted(makers), r.randrange(1, 5))}


def whole(r):
    made = schema(r)
    if isinstance(made, bool):
        return made
    return dict(made, definitions={"d": {"properties": {"a": {"$ref": "#/definitions/d"}}, "maxProperties": 2}, "e": {"items": {"$ref": "#/definitions/d"}, "type": ["array", "string"]}})


def known_valijson(text, value_text):
    """valijson 1.0 takes 1.0 for no integer, cuts the value of a whole multipleOf to an integer, and matches patterns on bytes."""
    return ("." in value_text and ("integer" in text or "multipleOf" in text)) or ("\\u" in value_text and "attern" in text)


def valijson():
    """The program, or why there is none."""
    folder = tempfile.mkdtemp(prefix="penchant-test-")
    program = os.path.join(folder, "valijson_lines")
    if not os.path.exists("/usr/include/valijson/validator.hpp") or not os.path.exists("/usr/include/rapidjson/document.h"):
        return None, "libvalijson-dev or rapidjson-dev is not installed"
    result = subprocess.run(["g++", "-std=c++17", "-O1", "-w", os.path.join(HERE, "valijson_lines.cc"), "-o", program], capture_output=True, text=True)
    return (program, "") if result.returncode == 0 else (None, result.stderr[-300:].replace("\n", " "))


def compare(number, name, cases, ours, theirs, known):
    wrong, pairs, valid = [], 0, 0
    for (text, values), (compiled, mine), (_, other) in zip(cases, ours, theirs):
        for v, m, o in zip(values, mine, other):
            if known(text, v):
                continue
            pairs += 1
            valid += o == "valid"
            if (m == "valid") != (o == "valid"):
                wrong.append(f"{text}\n#   {v}\n#   {compiled}: {m} / {o}")
    for line in wrong[:5]:
        print("# " + line)
    fair = pairs > 1000 and pairs * 0.1 < valid < pairs * 0.9
    print(("ok" if fair and not wrong else "not ok") + f" {number} - {pairs} verdicts are those of {name} ({valid} match, {len(wrong)} differ)")
    return 0 if fair and not wrong else 1


def python_verdicts(cases):
    import jsonschema
    answers = []
    for text, values in cases:
        validator = jsonschema.Draft7Validator(json.loads(text))
        answers.append(("ok", ["valid" if validator.is_valid(json.loads(v)) else "invalid" for v in values]))
    return answers


def main():
    seed = int(os.environ.get("TEST_SEED", random.randrange(1 << 32)))
    print(f"# TEST_SEED={seed}")
    r = random.Random(seed)
    cases = [(json.dumps(whole(r)), [json.dumps(value(r)) for _ in range(VALUES)]) for _ in range(SCHEMAS)]
    ours = ask(build(), cases)
    failed = 0
    try:
        failed += compare(1, "python3-jsonschema", cases, ours, python_verdicts(cases), lambda text, v: False)
    except ImportError:
        print("ok 1 - python3-jsonschema # SKIP it is not installed")
    program, why = valijson()
    if program is None:
        print(f"ok 2 - valijson # SKIP {why}")
    else:
        try:
            failed += compare(2, "valijson", cases, ours, ask(program, cases), known_valijson)
        finally:
            os.remove(program)
            os.rmdir(os.path.dirname(program))
    return 1 if failed else 0


sys.exit(main())
