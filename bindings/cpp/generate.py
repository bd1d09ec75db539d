"""Writes include/buslane/error_code.hpp from schemas/errors.json; with --check only tells whether it is fresh."""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEADER = HERE / "include/buslane/error_code.hpp"
TABLE = HERE.parents[1] / "schemas/errors.json"


def header(rows: list[dict[str, object]]) -> str:
    """Returns the text of the header."""
    codes = "".join(f"  {row['code']} = {row['number']},  ///< `{row['retry']}`: {row['title']}.\n" for row in rows)
    return f"""/// @file
/// The codes of errors, the same in every language. Written by generate.py from schemas/errors.json.
#pragma once

namespace buslane {{

/// What went wrong. Codes are never removed and never change their number; later versions may add some.
enum class ErrorCode {{
  service = 0,  ///< A service's own error: its word says more.
{codes}}};

}}  // namespace buslane
"""


def main() -> int:
    """Writes or checks. Returns the exit code."""
    text = header(json.loads(TABLE.read_text())["errors"])
    if "--check" not in sys.argv:
        HEADER.write_text(text)
        return 0
    if HEADER.read_text() != text:
        print(f"{HEADER.name} is not fresh: run `just generate`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
