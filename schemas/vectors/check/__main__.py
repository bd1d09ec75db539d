"""Holds the vectors against a reader and a writer that were made from docs/protocol.md and the schemas alone.

Usage: python3 schemas/vectors/check
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent
sys.path.append(str(FOLDER.parent / "scenarios" / "runner"))

import envelope  # noqa: E402
import frames  # noqa: E402
from frames import Malformed  # noqa: E402
from reader import Reader  # noqa: E402
from schema import Schemas  # noqa: E402

Vector = dict[str, Any]


def main() -> int:
    """Checks all vectors. Returns the exit code."""
    schemas = Schemas()
    readers = {side: Reader(schemas, side) for side in ("client", "broker")}
    wrong, count = [], 0
    for folder, check in (("valid", check_valid), ("invalid", check_invalid)):
        for vector in load(folder):
            count += 1
            for complaint in check(vector, readers[vector["side"]]):
                wrong.append(f"{folder}, {vector['side']}, {vector['name']}: {complaint}")
    print("\n".join(wrong) or f"{count} vectors are read and written as they say")
    return 1 if wrong else 0


def load(folder: str) -> list[Vector]:
    """Reads the vectors of a folder."""
    paths = sorted((FOLDER / folder).glob("*.json"))
    return [vector for path in paths for vector in json.loads(path.read_text(encoding="utf-8"))]


def check_valid(vector: Vector, reader: Reader) -> list[str]:
    """Tells what is wrong with a message that has to be read, and written again."""
    text, frame = vector["json"], bytes.fromhex(vector["binary"])
    try:
        by_text, by_frame = reader.read_text(text.encode()), reader.read_frame(frame)
    except Malformed as error:
        return [f"refused, {error}"]
    if by_text != by_frame:
        return [f"read differently: {by_text} and {by_frame}"]
    if not vector.get("canonical", True):
        return []
    complaints = []
    if reader.read_text(envelope.line(by_text)) != by_text:
        complaints.append("its JSON text is written differently")
    if by_text["type"] in frames.FREQUENT[vector["side"]]:
        written = frames.encode(by_text, vector["side"])
        complaints += [] if written == frame else [f"its frame is written differently: {written.hex()}"]
    elif frame[frames.HEADER.size :] != text.encode():
        complaints.append("its frame holds another text")
    return complaints


def check_invalid(vector: Vector, reader: Reader) -> list[str]:
    """Tells what is wrong with bytes that have to be refused."""
    complaints = []
    for form, read in (
        ("json", lambda: reader.read_text(vector["json"].encode())),
        ("binary", lambda: reader.read_frame(bytes.fromhex(vector["binary"]))),
    ):
        if vector[form] is None:
            continue
        try:
            complaints.append(f"{form} is taken: {read()}")
        except Malformed as error:
            if error.code != vector["error"]:
                complaints.append(f"{form} is refused with {error}")
    return complaints


if __name__ == "__main__":
    if sys.version_info < (3, 11):
        sys.exit("the check needs Python 3.11 or later")
    sys.exit(main())
