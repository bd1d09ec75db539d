"""Messages as JSON text: reading a line without losing how its payload was written, and what steps carry."""

from __future__ import annotations

import base64
import json
from typing import Any

from matcher import JsonObject

#: Something that came, by member; `expect` says which kind of thing it is.
Item = dict[str, Any]

#: What a program may say about a payload beside its type.
CONTENT = ("reply_to", "sent_at", "schema", "signature", "encryption", "attempts", "status")

_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n"


def parse(text: str) -> JsonObject:
    """Reads a message. Its payload's text is kept under `payload_text`."""
    message: JsonObject = {}
    position = _after_space(text, text.index("{") + 1)
    while text[position] != "}":
        name, position = _DECODER.raw_decode(text, position)
        position = _after_space(text, _after_space(text, position) + 1)
        message[name], end = _DECODER.raw_decode(text, position)
        if name == "payload":
            message["payload_text"] = text[position:end]
        position = _after_space(text, end)
        if text[position] == ",":
            position = _after_space(text, position + 1)
    return message


def line(message: JsonObject) -> bytes:
    """Writes a message. A text under `payload_text` becomes the payload as it is."""
    text = message.get("payload_text")
    rest = {name: value for name, value in message.items() if name != "payload_text"}
    written = json.dumps(rest, separators=(",", ":"))
    if text is not None:
        written = f'{written[:-1]},"payload":{text}}}'
    return written.encode() + b"\n"


def carried(step: JsonObject) -> JsonObject:
    """Makes the members of a message that carry what a step says."""
    members: JsonObject = dict(step.get("content", {}))
    members.update({name: step[name] for name in ("payload", "payload_text", "content_type", "headers") if name in step})
    if "payload_base64" in step:
        members.update(payload=step["payload_base64"], encoding="base64")
    if "payload_bytes" in step:
        members["payload"] = "x" * step["payload_bytes"]
    return members


def item(kind: str, message: JsonObject) -> Item:
    """Makes the item of a message that carries something."""
    made: Item = {"expect": kind, "headers": message.get("headers", {})}
    made["content"] = {name: message[name] for name in CONTENT if name in message}
    is_bytes = message.get("encoding") == "base64"
    made["content_type"] = message.get("content_type", "application/octet-stream" if is_bytes else "application/json")
    if is_bytes:
        made["payload_base64"] = message["payload"]
    elif "payload" in message:
        made.update(payload=message["payload"], payload_text=message.get("payload_text"))
    for name in ("topic", "from", "shared", "attempt", "expires_in_ms"):
        if name in message:
            made[name] = message[name]
    if kind == "delivery":
        made.update(retained=message.get("retained", False), snapshot=message.get("snapshot", False))
    return made


def outcome(message: JsonObject) -> Item:
    """Makes the item of what came of a request."""
    kind = message["type"]
    if kind == "error":
        return {"expect": "error", "error": message["error"], "from": message.get("from")}
    if kind == "end":
        return {"expect": "end", **{name: message[name] for name in ("expected", "replied", "failed")}}
    return item(kind, message)


def problem(code: str, detail: str) -> JsonObject:
    """Makes an error of this side's own."""
    return {"code": code, "title": detail, "origin": "client"}


def to_base64(data: bytes) -> str:
    """Writes bytes as base64."""
    return base64.b64encode(data).decode()


def _after_space(text: str, position: int) -> int:
    while text[position] in _SPACE:
        position += 1
    return position
