"""Reads a message of either encoding as docs/protocol.md wants it read, and refuses what it wants refused."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

import frames
from frames import Malformed
from schema import Schemas

Message = dict[str, Any]

CONTENT = {"publish", "delivery", "request", "reply", "chunk"}
#: Members of a registration whose own members are names that occur once.
NAMED = {"methods", "topics", "schemas", "headers"}
WHITE = " \t\r\n"


class Reader:
    """Reads what one side sends."""

    def __init__(self, schemas: Schemas, side: str) -> None:
        self._schemas, self._side = schemas, side
        self._messages = schemas.messages(side)

    def read_frame(self, frame: bytes) -> Message:
        """Reads one frame."""
        message = frames.decode(frame, self._side)
        if "text" in message:
            read = self.read_text(message["text"], message["type"])
            if read["type"] != message["type"]:
                raise Malformed("invalid_message", "type and text disagree")
            return read
        self._check(message)
        return message

    def read_text(self, data: bytes, default: str = "") -> Message:
        """Reads one JSON text."""
        try:
            pairs = Pairs(data.decode()).read()
        except UnicodeDecodeError:
            raise Malformed("invalid_json", "it is not UTF-8") from None
        message = _known_once(pairs, self._known(pairs, default))
        is_typeless = self._side == "client" and all(name != "type" for name, _ in pairs)
        if is_typeless and "name" in message and default in ("", "register"):
            message = {"type": "register", "version": "0.0.0", **message}
        if not isinstance(message.get("type"), str):
            raise Malformed("invalid_message", "there is no type")
        if message["type"] not in self._messages:
            raise Malformed("unknown_type", message["type"])
        text = message.pop("payload_text", None)
        if text is not None:
            message["payload"] = message.get("payload")
        self._check(message)
        return _plain(message, text)

    def _known(self, pairs: list[tuple[str, Any]], default: str) -> set[str]:
        types = [value for name, value in pairs if name == "type"]
        kind = types[0] if types else default or "register"
        schema = self._messages.get(kind) if isinstance(kind, str) else None
        known = {"type", "name"} if schema is None else {*self._schemas.members(schema, f"envelope-{self._side}.json")}
        return known | ({"payload_text"} if "payload" in known else set())

    def _check(self, message: Message) -> None:
        if isinstance(message.get("encoding"), str) and message["encoding"] != "base64":
            raise Malformed("invalid_payload", "the encoding is another")
        wanted = self._messages[message["type"]]
        fault = self._schemas.fault(wanted, message, f"envelope-{self._side}.json")
        if fault:
            raise Malformed(fault, f"the schema of {message['type']}")
        headers = message.get("headers") or {}
        if len(headers) > 128:
            raise Malformed("headers_too_large", "more than 128 entries")
        if message.get("encoding") == "base64":
            _check_base64(message["payload"])


class Pairs:
    """Reads an object's members in order, doubled ones too, and keeps the text of the payload."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._decoder = json.JSONDecoder(object_pairs_hook=_Doubled, parse_constant=_no_constant, strict=True)

    def read(self) -> list[tuple[str, Any]]:
        """Reads the whole text."""
        if self._peek() != "{":
            self._value()
            if self._peek():
                raise Malformed("invalid_json", "something follows")
            raise Malformed("invalid_message", "it is no object")
        self._at += 1
        pairs: list[tuple[str, Any]] = []
        while self._peek() != "}":
            if pairs:
                self._take(",")
            if self._peek() != '"':
                raise Malformed("invalid_json", "a name was due")
            name = self._value()
            self._take(":")
            self._peek()
            start = self._at
            value = self._value()
            pairs.append((name, value))
            if name == "payload":
                pairs.append(("payload_text", self._text[start : self._at]))
        self._at += 1
        if self._peek():
            raise Malformed("invalid_json", "something follows")
        return pairs

    def _peek(self) -> str:
        while self._text[self._at : self._at + 1] in WHITE and self._at < len(self._text):
            self._at += 1
        return self._text[self._at : self._at + 1]

    def _take(self, wanted: str) -> None:
        if self._peek() != wanted:
            raise Malformed("invalid_json", f"{wanted!r} was due")
        self._at += 1

    def _value(self) -> Any:
        self._peek()
        try:
            value, self._at = self._decoder.raw_decode(self._text, self._at)
            json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, UnicodeEncodeError):
            raise Malformed("invalid_json", f"no value at {self._at}") from None
        return value


class _Doubled(dict[str, Any]):
    """An object that remembers which of its members occur twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.doubled = {name for name in names if names.count(name) > 1}


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _known_once(pairs: list[tuple[str, Any]], known: set[str]) -> Message:
    message: Message = {}
    for name, value in pairs:
        if name not in known:
            continue
        if name in message:
            raise Malformed("invalid_message", f"{name} occurs twice")
        if name in NAMED and getattr(value, "doubled", None):
            raise Malformed("invalid_message", f"{name} has a name twice")
        if value is not None or name in ("payload", "expires_in_ms"):
            message[name] = value
    return message


def _check_base64(text: str) -> None:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("invalid_payload", "it is not base64") from None


def _plain(message: Message, text: str | None) -> Message:
    """Brings what may be written in several ways into one."""
    plain = {name: value for name, value in message.items() if value is not False or name == "payload"}
    if plain["type"] == "message":
        renamed = {"destination": "to", "responder": "reply_to"}
        plain = {renamed.get(name, name): value for name, value in plain.items() if name != "consumer"}
        plain["type"] = "request"
    if plain["type"] == "register":
        if isinstance(plain.get("methods"), list):
            plain["methods"] = {name: {} for name in plain["methods"]}
    if plain["type"] in CONTENT and "payload" in plain and "encoding" not in plain:
        del plain["payload"]
        plain["payload_text"] = text
    if plain.get("credit") == 0 and plain["type"] == "request":
        del plain["credit"]
    return {name: value for name, value in plain.items() if not (name == "headers" and value == {})}
