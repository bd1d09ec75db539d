"""Does what docs/cpp.md says to begin with: compiles the first program by the commands as printed, and runs it.

Usage: python3 first.py PREFIX BROKER
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).resolve().parents[3] / "docs/cpp.md"
#: Where the page finds the package, which is elsewhere here.
PRINTED_PREFIX = "$PWD/target/cpp/prefix"
#: The page's first program, the name of its file, and the commands and what they print.
FIRST = re.compile(r"`(?P<name>\w+\.cpp)`.*?```cpp\n(?P<program>.*?)```.*?```console\n(?P<typed>.*?)```", re.DOTALL)


def main() -> int:
    """Types what the page shows. Returns the exit code."""
    prefix, binary = sys.argv[1:]
    first = FIRST.search(PAGE.read_text())
    if first is None:
        sys.exit(f"{PAGE.name} shows no first program with the commands that run it")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BUSLANE_")}
    broker = subprocess.Popen(
        [binary, "serve", "--listen", "127.0.0.1:0"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert broker.stdout is not None
        listening = re.search(r"listening on (\S+)", broker.stdout.readline())
        if listening is None:
            sys.exit("the broker does not say where it listens")
        environment["BUSLANE_URL"] = f"buslane://{listening[1]}"
        return typed(first, prefix, environment)
    finally:
        broker.kill()
        broker.wait()


def typed(first: re.Match[str], prefix: str, environment: dict[str, str]) -> int:
    """Types the commands, and compares what they print."""
    lines = first["typed"].replace(PRINTED_PREFIX, prefix).splitlines()
    commands = "\n".join(line[2:] for line in lines if line.startswith("$ "))
    expected = [line for line in lines if not line.startswith("$ ")]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, first["name"]).write_text(first["program"])
        ran = subprocess.run(["bash", "-e"], input=commands, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if ran.returncode == 0 and ran.stdout.splitlines() == expected:
        print("the first program prints what the page shows")
        return 0
    print(f"{PAGE.name}: the page shows {expected}, but this came: {ran.stdout}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
