"""Messages as binary frames: the fixed header, the five parts, the header block."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

from matcher import JsonObject

TYPES = (
    "connect connected register registered unregister subscribe subscribed unsubscribe publish delivery request reply "
    "chunk end ack error cancel credit gap ping pong draining goodbye"
).split()
CODES = {name: code for code, name in enumerate(TYPES, 1)}
#: Types with a layout of their own; the others are JSON text in a frame.
FREQUENT = {
    "client": {"publish", "request", "reply", "chunk", "cancel", "ping", "pong"},
    "broker": {"delivery", "request", "reply", "chunk", "ack", "cancel", "ping", "pong"},
}
RARE = {
    "client": {"connect", "register", "unregister", "subscribe", "unsubscribe", "error", "credit", "goodbye"},
    "broker": {"connected", "registered", "subscribed", "end", "error", "credit", "gap", "draining"},
}
BYTES, ACK, STREAM, LAST, RETAIN, CLEAR, EXCLUDE_SELF, SEVERAL = (1 << bit for bit in range(8))
#: Flags that are members which are true or left out, by type and side.
MEMBER_FLAGS = {
    ("publish", "client"): {"ack": ACK, "exclude_self": EXCLUDE_SELF},
    ("delivery", "broker"): {"retained": RETAIN},
    ("request", "client"): {"stream": STREAM},
    ("request", "broker"): {"stream": STREAM},
    ("chunk", "client"): {"last": LAST},
}
#: What the field `number` is.
NUMBERS = {
    ("request", "broker"): "delivery",
    ("reply", "client"): "delivery",
    ("chunk", "client"): "delivery",
    ("cancel", "broker"): "delivery",
    ("chunk", "broker"): "sequence",
    ("ack", "broker"): "receivers",
}
NO_BOUND = 0xFFFF_FFFF
HEADER = struct.Struct("<IBBBBHHHHIQ")
LENGTH_BYTES = 4

TEXTS = ("content_type", "reply_to", "schema", "signature", "encryption", "shared", "filter", "callee")
INTEGERS = ("sent_at", "attempts", "status")
#: Members that stand in the header block, in the order in which they are written.
IN_BLOCK = (
    "content_type reply_to sent_at schema signature encryption attempts status shared snapshot filter callee"
).split()
OF_BROKER = {"shared", "snapshot", "filter", "callee"}


class Malformed(Exception):
    """Bytes that are no message, with the code with which they are refused."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code


def encode(message: JsonObject, side: str) -> bytes:
    """Writes a message of a side as one frame. A text under `payload_text` is the payload as it is."""
    kind = message["type"]
    if kind not in FREQUENT[side]:
        return _frame(kind, payload=json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode())
    to = message.get("to", message.get("topic", ""))
    target = "\n".join(to) if isinstance(to, list) else to
    payload, flags = _payload(message)
    flags |= SEVERAL if isinstance(to, list) else 0
    flags |= {"set": RETAIN, "clear": CLEAR}.get(message.get("retain", ""), 0)
    for name, flag in MEMBER_FLAGS.get((kind, side), {}).items():
        flags |= flag if message.get(name) else 0
    return _frame(
        kind,
        flags=flags,
        id=message.get("id", ""),
        attempt=message.get("attempt", 0),
        sender=message.get("from", ""),
        target=target,
        headers=_block(message),
        credit=message.get("credit", 0),
        time_ms=_time_ms(message),
        number=message.get(NUMBERS.get((kind, side), ""), 0),
        payload=payload,
    )


def length(bytes_: bytes) -> int | None:
    """Returns the bytes of the frame that begins so, `None` while that is not known."""
    if len(bytes_) < LENGTH_BYTES:
        return None
    found = int.from_bytes(bytes_[:LENGTH_BYTES], "little") + LENGTH_BYTES
    if found < HEADER.size:
        raise Malformed("invalid_frame", "the length is shorter than the header")
    return found


def decode(frame: bytes, side: str) -> JsonObject:
    """Reads one whole frame of a side. A rare message is only its `type` and `text`, for whoever reads JSON text."""
    if len(frame) < HEADER.size or length(frame) != len(frame):
        raise Malformed("invalid_frame", "the length is not the frame's")
    _, code, flags, id_size, attempt, *sizes, credit, time_ms, number = HEADER.unpack_from(frame)
    id, sender, target, headers, payload = _parts(frame, [id_size, *sizes])
    kind = TYPES[code - 1] if 0 < code <= len(TYPES) else ""
    if id and not (len(id) <= 64 and all(0x21 <= byte <= 0x7E and byte not in b'"\\' for byte in id)):
        raise Malformed("invalid_id", "the id has forbidden bytes")
    if kind in RARE[side]:
        if id or sender or target or headers:
            raise Malformed("invalid_frame", "a rare message has no part but its text")
        return {"type": kind, "text": payload}
    if kind not in FREQUENT[side]:
        raise Malformed("unknown_type", f"type {code}")
    message: JsonObject = {"type": kind}
    if id:
        message["id"] = id.decode("ascii")
    if side == "broker" and kind not in ("ack", "cancel", "ping", "pong"):
        message["from"] = _text(sender, "from")
    if (kind, side) in NUMBERS:
        message[NUMBERS[kind, side]] = number
    for name, flag in MEMBER_FLAGS.get((kind, side), {}).items():
        if flags & flag:
            message[name] = True
    if kind in ("publish", "delivery"):
        message["topic"] = _text(target, "topic")
    if kind == "publish":
        _take_retain(message, flags, time_ms)
    if kind == "request":
        _take_request(message, side, flags, target, (attempt, credit, time_ms))
    if kind in ("publish", "delivery", "request", "reply", "chunk"):
        _take_block(message, headers, side)
        _take_payload(message, flags, payload)
    return message


def _frame(
    kind: str,
    *,
    flags: int = 0,
    id: str = "",
    attempt: int = 0,
    sender: str = "",
    target: str = "",
    headers: bytes = b"",
    credit: int = 0,
    time_ms: int = 0,
    number: int = 0,
    payload: bytes = b"",
) -> bytes:
    parts = [id.encode(), sender.encode(), target.encode(), headers]
    sizes = [len(part) for part in parts]
    after = HEADER.size - LENGTH_BYTES + sum(sizes) + len(payload)
    fixed = (after, CODES[kind], flags, sizes[0], attempt, *sizes[1:], credit, time_ms, number)
    return HEADER.pack(*fixed) + b"".join(parts) + payload


def _payload(message: JsonObject) -> tuple[bytes, int]:
    if message.get("encoding") == "base64":
        return base64.b64decode(message["payload"]), BYTES
    if "payload_text" in message:
        return message["payload_text"].encode(), 0
    if "payload" in message:
        return json.dumps(message["payload"], separators=(",", ":")).encode(), 0
    return b"", 0


def _time_ms(message: JsonObject) -> int:
    if message["type"] != "request":
        return int(message.get("retain_ms", 0))
    bound = message.get("expires_in_ms", 0)
    return NO_BOUND if bound is None else int(bound)


def _block(message: JsonObject) -> bytes:
    entries = [(f":{name.replace('_', '-')}", message[name]) for name in IN_BLOCK if name in message]
    entries += message.get("headers", {}).items()
    block = b""
    for name, value in entries:
        written = ("true" if value is True else str(value)).encode()
        block += struct.pack("<BH", len(name), len(written)) + name.encode() + written
    return block


def _parts(frame: bytes, sizes: list[int]) -> list[bytes]:
    parts, at = [], HEADER.size
    for size in sizes:
        if at + size > len(frame):
            raise Malformed("invalid_frame", "a part reaches past the end")
        parts.append(frame[at : at + size])
        at += size
    return [*parts, frame[at:]]


def _take_retain(message: JsonObject, flags: int, time_ms: int) -> None:
    if flags & RETAIN and flags & CLEAR:
        raise Malformed("invalid_message", "retain is both set and clear")
    if flags & (RETAIN | CLEAR):
        message["retain"] = "set" if flags & RETAIN else "clear"
    if time_ms:
        message["retain_ms"] = time_ms


def _take_request(message: JsonObject, side: str, flags: int, target: bytes, fields: tuple[int, int, int]) -> None:
    attempt, credit, time_ms = fields
    to = _text(target, "to")
    message["to"] = to.split("\n") if side == "client" and flags & SEVERAL else to
    if credit:
        message["credit"] = credit
    if side == "broker":
        message["attempt"] = attempt
    if time_ms or side == "broker":
        message["expires_in_ms"] = None if time_ms == NO_BOUND else time_ms


def _take_block(message: JsonObject, block: bytes, side: str) -> None:
    headers: dict[str, str] = {}
    for name, value in _entries(block):
        if name in headers:
            raise Malformed("invalid_message", f"the header {name} occurs twice")
        headers[name] = value
    for name in [name for name in headers if name.startswith(":")]:
        value = headers.pop(name)
        member = name[1:].replace("-", "_")
        if side == "client" and (member in OF_BROKER or name.startswith(":bus-")):
            raise Malformed("invalid_message", f"{name} is the broker's")
        if name == f":{member.replace('_', '-')}" and member in IN_BLOCK:
            message[member] = _member(member, value)
    if headers:
        message["headers"] = headers


def _entries(block: bytes) -> list[tuple[str, str]]:
    entries, at = [], 0
    while at < len(block):
        if at + 3 > len(block):
            raise Malformed("invalid_message", "the header block breaks off")
        name_size, value_size = struct.unpack_from("<BH", block, at)
        name, value = block[at + 3 : at + 3 + name_size], block[at + 3 + name_size : at + 3 + name_size + value_size]
        at += 3 + name_size + value_size
        if at > len(block):
            raise Malformed("invalid_message", "the header block breaks off")
        entries.append((check_header_name(_text(name, "a header's name")), _text(value, "a header's value")))
        check_text(entries[-1][1], "a header's value")
        if len(entries) > 128:
            raise Malformed("headers_too_large", "more than 128 entries")
    return entries


def check_header_name(name: str) -> str:
    """Refuses a name in a header block that breaks the rules."""
    plain = name.removeprefix(":")
    allowed = all(char in "abcdefghijklmnopqrstuvwxyz0123456789-_." for char in plain)
    if not (plain and allowed and len(name) <= 64):
        raise Malformed("invalid_message", f"the header name {name!r}")
    return name


def check_text(text: str, what: str) -> str:
    """Refuses control characters."""
    if any(ord(char) < 0x20 or 0x7F <= ord(char) <= 0x9F for char in text):
        raise Malformed("invalid_message", f"{what} has a control character")
    return text


def _member(name: str, value: str) -> Any:
    if name in TEXTS:
        return value
    if name not in INTEGERS:
        if value != "true":
            raise Malformed("invalid_message", f"{name} is not true")
        return True
    if not (value.isascii() and value.isdecimal()) or str(int(value)) != value or int(value) >= 1 << 64:
        raise Malformed("invalid_message", f"{name} is no whole number")
    return int(value)


def _take_payload(message: JsonObject, flags: int, payload: bytes) -> None:
    if flags & BYTES:
        message.update(payload=base64.b64encode(payload).decode(), encoding="base64")
    elif payload:
        message["payload_text"] = payload.decode("utf-8", "surrogateescape")


def _text(data: bytes, what: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Malformed("invalid_message", f"{what} is not UTF-8") from None
