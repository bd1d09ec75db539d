"""What schemathesis has to know beside the document.

- A feed never ends, so that only requests that are to be refused are sent to it; waiting is kept short.
- What is no HTTP at all, such as a control character in a header, is answered with nothing but a status.
- Rules across several values, which the document tells in words: `mend` keeps to them where a request is to be valid.
"""
import json
import re
from datetime import datetime

import schemathesis
from schemathesis import GenerationMode

ID = "([0-9a-f]{32}-[0-9]{1,19})?"
# What a feed takes, roughly: what does not fit is refused for sure, and other requests are left to other tests.
RULES = {
    "filter": ".+",
    "shared": "[A-Za-z0-9_.-]{1,128}",
    "overflow": "drop_oldest|drop_newest|disconnect",
    "format": "envelope|cloudevents",
    "last_event_id": ID,
    "id": ID,
    "name": "[A-Za-z0-9_.-]{1,128}",
}
CONTROL = {*range(0x20), 0x7F} - {0x09}


def is_positive(case):
    return case.meta is None or case.meta.generation.mode == GenerationMode.POSITIVE


def is_http(headers):
    return all(ord(character) not in CONTROL for value in headers.values() for character in str(value))


def is_topic(text):
    """Whether a text keeps to what patterns do not tell: 16 levels, 512 bytes, and of a filter 4 wildcards.

    The library writes a space as `+`, which in a URL of the broker is a plus sign.
    """
    levels = text.split("/")
    short = len(levels) <= 16 and len(text.encode("utf-8", "surrogatepass")) <= 512
    return short and " " not in text and sum(level in ("+", "#") for level in levels) <= 4


def is_time(text):
    try:
        return datetime.fromisoformat(text.upper().replace("Z", "+00:00")).tzinfo is not None
    except ValueError:
        return False


def mend_event(event):
    kind = event.get("datacontenttype") or "application/json"
    essence = kind.split(";")[0].strip().lower()
    if "data" in event:
        event.pop("data_base64", None)
        if not essence.endswith(("/json", "+json")) and not isinstance(event["data"], str):
            event["data"] = json.dumps(event["data"])
    if isinstance(event.get("time"), str) and not is_time(event["time"]):
        event["time"] = "2026-01-31T10:00:00Z"


def mend(case):
    query, path = case.query or {}, case.path_parameters or {}
    # In place: what is put in anew is taken for something else than it was generated as.
    if "retain_ms" in query:
        query["retain"] = "set"
    if case.path == "/api/v1/next":
        query["timeout"] = "5ms"
    elif "timeout" in query:
        # A service may well take longer than what was asked for.
        query["timeout"] = "5s"
    if "filter" in query:
        filters = query["filter"] if isinstance(query["filter"], list) else [query["filter"]]
        query["filter"] = [one if is_topic(one) else "a/+/#" for one in filters]
    targets = query.get("to") or [path.get("address", "")]
    targets = targets if isinstance(targets, list) else [targets]
    if "stream" in query and (len(targets) > 1 or targets[0].rpartition("/")[2].startswith(("@", "*"))):
        query["stream"] = "false"
    if not is_topic(path.get("topic", "a")) or "+" in path.get("topic", ""):
        path["topic"] = "a/b"
    # What would be a segment of dots is encoded over and over again.
    if "%" in path.get("address", ""):
        path["address"] = "greeter:hello"
    if case.media_type == "application/cloudevents+json" and isinstance(case.body, dict):
        mend_event(case.body)


def subscribes(case):
    """Whether a request that is to be refused reads as one that is not, as the filter `null` does in a URL."""
    parts = {"name": (case.headers or {}).get("Buslane-Name", "a"), "id": (case.headers or {}).get("Last-Event-ID", "")}
    for name, value in (case.query or {}).items():
        if name not in RULES:
            return False
        parts[name] = value
    values = ((name, one) for name, value in parts.items() for one in (value if isinstance(value, list) else [value]))
    return "filter" in parts and all(re.fullmatch(RULES[name], str(one)) for name, one in values)


@schemathesis.hook
def filter_case(context, case):
    if is_positive(case):
        return case.path != "/api/v1/subscribe"
    if case.path == "/api/v1/subscribe" and subscribes(case):
        return False
    return is_http(case.headers or {})


@schemathesis.hook
def before_call(context, case, kwargs):
    if is_positive(case):
        mend(case)
