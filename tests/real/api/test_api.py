#!/usr/bin/python3
"""Goal: docs/openapi.yaml is the server.
Method: every operation of the document is called on a running server, with its own example where it has one; the code must be one
that the document names and the body must satisfy the schema given for it (Debian's python3-jsonschema).  Every route of
src/serve/route.c must stand in the document and the other way round.  Errors are called on purpose: bad JSON, bad
parameters, bad host, unknown routes, wrong methods; each must be a problem document with code and fix.
A schema made wrong on purpose must be seen.  An answer asked with the position of an acknowledgement shows that event;
one that cannot says so; people nobody knows get the trends of the place they name."""
import copy, json, os, re, sys, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
from server import ROOT, Server, Tap

import jsonschema
import yaml

METHODS = ("get", "put", "post", "delete", "patch")
VALUES = {"user_id": "ann", "content_id": "espresso-at-home", "id": "espresso-at-home", "entity": "content", "anonymous_id": "visitor-1"}


def to_json_schema(node, document):
    """OpenAPI 3.0 -> JSON Schema: nullable, and references put in place."""
    if isinstance(node, list):
        return [to_json_schema(item, document) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = document
        for part in node["$ref"].lstrip("#/").split("/"):
            target = target[part]
        return to_json_schema(target, document)
    made = {key: to_json_schema(value, document) for key, value in node.items() if key not in ("nullable", "example")}
    if node.get("nullable"):
        return {"anyOf": [made, {"type": "null"}]}
    return made


def resolve(node, document):
    return to_json_schema(node, document) if "$ref" in node else node


def body_of(operation):
    content = operation.get("requestBody", {}).get("content", {})
    for kind, media in content.items():
        if "json" in kind and "example" in media:
            return json.dumps(media["example"]), kind
    return None, None


def address(path, operation, document):
    url = re.sub(r"\{(\w+)\}", lambda m: VALUES[m.group(1)], path)
    query = []
    for parameter in operation.get("parameters", []):
        parameter = resolve(parameter, document)
        if parameter["in"] == "query" and parameter.get("required"):
            query.append(f"{parameter['name']}={VALUES.get(parameter['name'], 'x')}")
    return url + ("?" + "&".join(query) if query else "")


def check_operation(tap, server, document, path, method, operation):
    body, kind = body_of(operation)
    url = address(path, operation, document)
    code, headers, answer = server.call(method.upper(), url, body, {"Content-Type": kind} if kind else {})
    name = f"{method.upper()} {path}"
    documented = operation["responses"].get(str(code))
    if not tap.check(documented is not None, f"{name}: {code} is documented", f"{url}: {answer}"):
        return
    for media_kind, media in resolve(documented, document).get("content", {}).items():
        if "json" not in media_kind or "schema" not in media:
            continue
        got = headers.get("content-type", "").split(";")[0]
        if got != media_kind:
            continue
        try:
            jsonschema.validate(answer, to_json_schema(media["schema"], document))
            tap.check(True, f"{name}: the body is as the schema says")
        except jsonschema.ValidationError as error:
            tap.check(False, f"{name}: the body is as the schema says", f"{error.message} at {list(error.absolute_path)}: {answer}")


def routes_of_source():
    source = open(os.path.join(ROOT, "src/serve/route.c")).read()
    return {(method.lower(), pattern) for method, pattern in re.findall(r'\{HTTP_(\w+),[^"]*"([^"]+)"', source)}


def check_errors(tap, server):
    cases = [
        ("POST", "/v1/events", "{broken", {}, 400, "bad_request"),
        ("POST", "/v1/events", "[{}]", {}, 422, None),
        ("POST", "/v1/events", json.dumps({"user_id": "a", "event_type": "view", "content_id": "c", "timestamp": 1600000000}), {}, 422, None),
        ("GET", "/v1/recommendations/ann?n=0", None, {}, 400, "bad_request"),
        ("GET", "/v1/recommendations/ann?n=abc", None, {}, 400, "bad_request"),
        ("GET", "/v1/nothing", None, {}, 404, "not_found"),
        ("DELETE", "/v1/events", None, {}, 405, "method"),
        ("GET", "/healthz", None, {"Host": "evil.example"}, 403, "forbidden"),
        ("POST", "/v1/events", "x", {"Content-Encoding": "br"}, 415, "media_type"),
        ("POST", "/v1/events", "x" * (5 << 20), {}, 413, "too_large"),
        ("POST", "/v1/events", "{}", {"Origin": "http://evil.example"}, 403, "forbidden"),
    ]
    for method, path, body, headers, expected, code in cases:
        status, got, answer = server.call(method, path, body, headers)
        name = f"{method} {path} {(body or '')[:24]} {headers or ''} -> {expected}"
        holds = status == expected and (code is None or (isinstance(answer, dict) and answer.get("code") == code and answer.get("fix")))
        tap.check(holds, name, f"{status} {got.get('content-type')} {answer}")


def check_partial(tap, server):
    events = [{"user_id": "bob", "event_type": "view", "content_id": "x"}, {"user_id": "bob", "event_type": "veiw", "content_id": "x"},
              {"event_type": "view", "content_id": "x"}, {"user_id": "bob", "event_type": "click", "content_id": "y", "event_id": "once"}]
    status, headers, answer = server.call("POST", "/v1/events", events)
    pointers = [(e["index"], e["pointer"]) for e in answer["errors"]]
    tap.check(status == 200 and answer["accepted"] == 2 and answer["rejected"] == 2 and (1, "/event_type") in pointers and any(i == 2 for i, _ in pointers),
              "bad events are named by index and field, the rest goes on", answer)
    tap.check(headers.get("penchant-position") == answer["position"] and re.fullmatch(r"\d+:\d+(,\d+:\d+)*", answer["position"]) is not None,
              "the position is in body and header", answer)
    status, _, answer = server.call("POST", "/v1/events", events[3])
    tap.check(status == 200 and answer["duplicates"] == 1, "the same event_id again is a duplicate", answer)
    lines = "\n".join(json.dumps(e) for e in ({"user_id": "eve", "event_type": "view", "content_id": "x"},)) + "\n{broken\n" + json.dumps(
        {"user_id": "eve", "event_type": "view", "content_id": "y"})
    status, _, answer = server.call("POST", "/v1/events", lines, {"Content-Type": "application/x-ndjson"})
    tap.check(status == 200 and answer["accepted"] == 2 and answer["rejected"] == 1, "NDJSON lines stand alone", answer)
    status, _, answer = server.call("GET", "/v1/recommendations/eve", headers={})
    tap.check(status == 200 and isinstance(answer["items"], list), "an answer is never an error for want of data", answer)


def check_positions(tap, server):
    """What is acknowledged shows to whoever sends the position back; what is not there yet is said to be behind."""
    behind = []
    for i in range(50):
        event = {"user_id": f"reader-{i % 5}", "event_type": "view", "content_id": f"page-{i}"}
        _, headers, posted = server.call("POST", "/v1/events", event)
        _, _, answer = server.call("GET", f"/v1/recommendations/reader-{i % 5}", headers={"Penchant-Position": headers["penchant-position"]})
        _, _, person = server.call("GET", f"/v1/users/reader-{i % 5}", headers={"Penchant-Position": headers["penchant-position"]})
        partition, wanted = posted["position"].split(":")
        shown = dict(p.split(":") for p in answer["as_of"]["position"].split(","))
        holds = answer["degraded"] is None and int(shown[partition]) >= int(wanted) and person["recent"][0]["content_id"] == f"page-{i}"
        if not holds:
            behind.append((i, posted["position"], answer["as_of"], answer["degraded"]))
    tap.check(not behind, "post, then ask with the position: the answer is at or past it and the event is the newest", behind[:3])
    partition, offset = posted["position"].split(":")
    started = time.monotonic()
    status, _, answer = server.call("GET", "/v1/recommendations/reader-4", headers={"Penchant-Position": f"{partition}:{int(offset) + 1000}"})
    waited = time.monotonic() - started
    tap.check(status == 200 and answer["degraded"] == "behind" and answer["items"], "a position that does not come: an answer, degraded", answer)
    tap.check(waited >= 0.19, "it waited the 200 ms before", waited)
    status, _, answer = server.call("GET", "/v1/recommendations/reader-4", headers={"Penchant-Position": "three"})
    tap.check(status == 400 and answer["code"] == "bad_request", "a header that is no position is refused", answer)


def check_places(tap, server):
    """Whom nobody knows gets the trends of the country and device that the request names, else global ones."""
    events = [{"user_id": f"{country}-{i}", "event_type": "view", "content_id": content, "device_type": device, "location": {"country": country}}
              for country, content, device, people in (("IS", "geysir", "mobile", 2), ("IS", "fiske", "tv", 1), ("PT", "lisboa", "tv", 6)) for i in range(people)]
    _, headers, _ = server.call("POST", "/v1/events", events)
    until = time.monotonic() + 10
    while server.call("GET", "/v1/features/content/lisboa")[0] != 200 and time.monotonic() < until:
        pass  # the learner is asked, not the clock

    def first(query):
        return server.call("GET", "/v1/recommendations/nobody-ever?n=1" + query)[2]["items"][0]["content_id"]
    got = [first(q) for q in ("", "&country=IS", "&country=IS&device=tv", "&country=PT", "&country=ZZ")]
    tap.check(got == ["lisboa", "geysir", "fiske", "lisboa", "lisboa"], "unknown people get the trends of where they are, else everybody's", got)
    status, _, answer = server.call("GET", "/v1/recommendations/nobody-ever?n=1&country=Iceland")
    tap.check(status == 400 and answer["code"] == "bad_request", "a country that is none is refused", answer)


def main():
    tap = Tap()
    document = yaml.safe_load(open(os.path.join(ROOT, "docs/openapi.yaml")))
    described = {(method, path) for path, item in document["paths"].items() for method in item if method in METHODS}
    source = routes_of_source()
    tap.check(source and source <= described, "every route of the server is in the document", source - described)
    tap.check({d for d in described if d[1].startswith("/v1")} <= source, "every route of the document is in the server", described - source)
    server = Server().start()
    try:
        server.call("POST", "/v1/events", [{"user_id": "ann", "event_type": "view", "content_id": "espresso-at-home", "categories": ["coffee"]},
                                           {"anonymous_id": "visitor-1", "event_type": "view", "content_id": "grinders-compared"}])
        order = sorted(described, key=lambda d: (d[0] == "delete", d[0] == "get"))
        for method, path in order:
            check_operation(tap, server, document, path, method, document["paths"][path][method])
        wrong = copy.deepcopy(document["paths"]["/v1/trending"]["get"]["responses"]["200"])
        schema = {"type": "object", "required": ["a-member-that-is-not-there"]}
        answer = server.call("GET", "/v1/trending")[2]
        tap.check(bool(wrong) and not jsonschema.Draft7Validator(schema).is_valid(answer), "a schema made wrong is seen")
        check_errors(tap, server)
        check_partial(tap, server)
        check_positions(tap, server)
        check_places(tap, server)
        e = server.call("GET", "/api/status")[2]["events"]
        tap.check(e["received"] == e["accepted"] + e["duplicates"] + e["filtered"] + e["rejected"] and e["rejected"] > 0 and e["duplicates"] > 0,
                  "received = accepted + duplicate + filtered + rejected", e)
        tap.check(e["accepted"] == e["applied"] + e["applied_duplicates"] + e["undecodable"], "accepted = applied + dropped as doubled", e)
    finally:
        server.remove()
    return tap.end()


sys.exit(main())
