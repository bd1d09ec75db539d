"""Compiles every block of C++ in the pages of docs/.

Usage: python3 pages.py COMPILER FOLDER_OF_HEADERS...
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parents[3] / "docs"


def main() -> int:
    """Compiles, and returns the exit code."""
    compiler, *folders = sys.argv[1:]
    includes = [f"-I{folder}" for folder in folders]
    blocks = [(page.name, block) for page in sorted(DOCS.glob("cpp*.md")) for block in blocks_of(page)]
    if not blocks:
        sys.exit("no page holds any C++")
    failed = 0
    for name, block in blocks:
        command = [compiler, "-std=c++17", "-Wall", "-Werror", "-fsyntax-only", *includes, "-x", "c++", "-"]
        if subprocess.run(command, input=block, text=True, check=False).returncode != 0:
            print(f"{name}: this does not compile:\n{block}", file=sys.stderr)
            failed += 1
    return 1 if failed else 0


def blocks_of(page: Path) -> list[str]:
    """Returns the blocks of a page."""
    return re.findall(r"```cpp\n(.*?)```", page.read_text(), re.DOTALL)


if __name__ == "__main__":
    sys.exit(main())
