"""Compares what came with what a scenario expects. README.md beside the scenarios says what each matcher means."""

from __future__ import annotations

from typing import Any

JsonObject = dict[str, Any]

#: Stands for a member that is not there; `None` is a JSON null.
ABSENT: Any = object()


def matches(expected: Any, found: Any) -> bool:
    """Tells whether a value, or the lack of one, is what a matcher asks for."""
    special = _special(expected)
    if special is not None:
        return _matches_special(*special, found)
    if found is ABSENT:
        return False
    if isinstance(expected, dict) and isinstance(found, dict):
        return len(expected) == len(found) and _is_subset(expected, found)
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(matches, expected, found))
    # Python counts True as 1, JSON does not.
    return isinstance(expected, bool) == isinstance(found, bool) and bool(expected == found)


def differences(expected: JsonObject, found: JsonObject) -> list[str]:
    """Finds the members that are not as expected."""
    wrong = [name for name, value in expected.items() if not matches(value, found.get(name, ABSENT))]
    return [f"{name}: expected {expected[name]!r}, found {found.get(name, 'none')!r}"[:LONGEST_NOTE] for name in wrong]


def _special(expected: Any) -> tuple[str, Any] | None:
    if isinstance(expected, dict) and len(expected) == 1:
        kind, argument = next(iter(expected.items()))
        if kind.startswith("$"):
            return kind, argument
    return None


def _matches_special(kind: str, argument: Any, found: Any) -> bool:
    number = found if isinstance(found, (int, float)) and not isinstance(found, bool) else None
    if kind == "$any":
        return True
    if kind == "$subset":
        return isinstance(found, dict) and _is_subset(argument, found)
    if kind == "$contains":
        return isinstance(found, list) and any(matches(argument, each) for each in found)
    if kind == "$at_least":
        return number is not None and bool(number >= argument)
    if kind == "$between":
        return number is not None and bool(argument[0] <= number <= argument[1])
    if kind == "$starts_with":
        return isinstance(found, str) and found.startswith(argument)
    return False


def _is_subset(wanted: JsonObject, found: JsonObject) -> bool:
    return all(matches(value, found.get(name, ABSENT)) for name, value in wanted.items())


LONGEST_NOTE = 600
