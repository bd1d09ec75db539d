"""As much of JSON Schema as the schemas of this folder use, with the error code that follows from what fails."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent.parent
#: Definitions with an error code of their own.
CODES = {name: f"invalid_{name}" for name in ("id", "name", "topic", "filter", "address")}
TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "null": lambda value: value is None,
}

Schema = dict[str, Any]


class Schemas:
    """The files of the folder, and what they say about a value."""

    def __init__(self) -> None:
        self._files: dict[str, Any] = {}

    def messages(self, side: str) -> dict[str, Schema]:
        """Returns the schema of each type of message of a side."""
        branches = self._file(f"envelope-{side}.json")["oneOf"]
        types = [(branch["properties"]["type"], branch) for branch in branches]
        return {kind["const"]: branch for kind, branch in types if isinstance(kind, dict)}

    def members(self, schema: Schema, file: str) -> dict[str, Schema]:
        """Returns the members that a schema knows."""
        known = dict(schema.get("properties", {}))
        for part in schema.get("allOf", []):
            if "$ref" in part:
                known.update(self.members(*self._resolve(part["$ref"], file)))
        return known

    def fault(self, schema: Schema | bool, value: Any, file: str) -> str | None:
        """Returns the code with which a value is refused, `None` if it is not."""
        if isinstance(schema, bool):
            return None if schema else "invalid_message"
        if "$ref" in schema:
            target, where = self._resolve(schema["$ref"], file)
            fault = self.fault(target, value, where)
            is_text = isinstance(value, str)
            own = CODES.get(schema["$ref"].rpartition("/")[2]) if where == "definitions.json" and is_text else None
            if fault or (own in ("invalid_topic", "invalid_filter") and len(value.encode()) > 512):
                return own or fault
        for part in schema.get("allOf", []):
            if fault := self.fault(part, value, file):
                return fault
        if "oneOf" in schema:
            return self._fault_of_branches(schema["oneOf"], value, file)
        if "if" in schema and not self.fault(schema["if"], value, file):
            if fault := self.fault(schema["then"], value, file):
                return fault
        return self._fault_of_shape(schema, value, file)

    def _fault_of_branches(self, branches: list[Schema], value: Any, file: str) -> str | None:
        faults = [self.fault(branch, value, file) for branch in branches]
        if None in faults:
            return None
        # The branch that is meant is the one that complains of more than the value's type.
        return next((fault for fault in faults if fault != "invalid_message"), "invalid_message")

    def _fault_of_shape(self, schema: Schema, value: Any, file: str) -> str | None:
        if not _has_type(schema, value) or not _is_listed(schema, value) or not _is_in_bounds(schema, value):
            return "invalid_message"
        if isinstance(value, dict):
            return self._fault_of_object(schema, value, file)
        if isinstance(value, list) and "items" in schema:
            faults = (self.fault(schema["items"], item, file) for item in value)
            return next((fault for fault in faults if fault), None)
        return None

    def _fault_of_object(self, schema: Schema, value: dict[str, Any], file: str) -> str | None:
        known = schema.get("properties", {})
        # A member that is null counts as left out, where null is no value of its own.
        there = {n: v for n, v in value.items() if not (v is None and n in known and self.fault(known[n], v, file))}
        if any(name not in there for name in schema.get("required", [])):
            return "invalid_message"
        for name, member in there.items():
            if fault := self.fault(schema.get("propertyNames", True), name, file):
                return fault
            inner = known[name] if name in known else schema.get("additionalProperties", True)
            if fault := self.fault(inner, member, file):
                return fault
        return None

    def _resolve(self, reference: str, file: str) -> tuple[Any, str]:
        name, _, pointer = reference.partition("#")
        where = name or file
        target = self._file(where)
        for step in pointer.split("/")[1:]:
            target = target[step]
        return target, where

    def _file(self, name: str) -> Any:
        if name not in self._files:
            self._files[name] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
        return self._files[name]


def _has_type(schema: Schema, value: Any) -> bool:
    types = schema.get("type", [])
    wanted = [types] if isinstance(types, str) else types
    return not wanted or any(TYPES[name](value) for name in wanted)


def _is_listed(schema: Schema, value: Any) -> bool:
    return value in schema.get("enum", [value]) and value == schema.get("const", value)


def _is_in_bounds(schema: Schema, value: Any) -> bool:
    if isinstance(value, str):
        size = len(value)
        # All patterns of the folder are anchored; Python's `$` would also match before a last line break.
        pattern = schema.get("pattern", "^(?s:.*)$")[1:-1]
        in_pattern = re.fullmatch(pattern, value) is not None
        return in_pattern and schema.get("minLength", 0) <= size <= schema.get("maxLength", size)
    if isinstance(value, list):
        unique = len({json.dumps(item) for item in value})
        limits = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
        return limits and not (schema.get("uniqueItems") and unique < len(value))
    if isinstance(value, dict):
        return len(value) <= schema.get("maxProperties", len(value))
    if TYPES["integer"](value):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    return True
