"""Plays the story of README.md with four programs of whatever languages, and holds them to what the page shows.

Usage: python3 examples/story.py BROKER SERVICE WATCHER PUBLISHER CONSUMER
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().with_name("README.md")


class Program:
    """A program that runs, and the lines that it has printed."""

    def __init__(self, path: str, url: str) -> None:
        self._process = subprocess.Popen([path], env={**os.environ, "BUSLANE_URL": url}, stdout=subprocess.PIPE, text=True)
        self.lines: list[str] = []

    def until(self, last: str) -> None:
        """Reads until a line has come."""
        while not self.lines or self.lines[-1] != last:
            self._read()

    def end(self, ending: signal.Signals | None = None) -> None:
        """Asks for the end, and reads what is left."""
        if ending is not None:
            self._process.send_signal(ending)
        assert self._process.stdout is not None
        self.lines.extend(line.rstrip("\n") for line in self._process.stdout)
        if self._process.wait() != 0:
            raise SystemExit(f"{self._process.args} ended with {self._process.returncode}: {self.lines}")

    def kill(self) -> None:
        """Takes the program away."""
        self._process.kill()

    def _read(self) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self._process.args} ended after {self.lines}")
        self.lines.append(line.rstrip("\n"))


def main() -> None:
    """Starts a broker and plays."""
    binary, *programs = sys.argv[1:]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BUSLANE_")}
    with subprocess.Popen(
        [binary, "serve", "--listen", "127.0.0.1:0"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as broker:
        try:
            assert broker.stdout is not None
            found = re.search(r"listening on (\S+)", broker.stdout.readline())
            assert found, "the broker says where it listens"
            play(f"buslane://{found[1]}", *programs)
        finally:
            broker.kill()
    print("they print what the page shows")


def play(url: str, service: str, watcher: str, publisher: str, consumer: str) -> None:
    """Plays the story, and compares."""
    wanted = [block.splitlines() for block in re.findall(r"```text\n(.*?)```", PAGE.read_text(), re.DOTALL)]
    keeper = Program(service, url)
    keeper.until("attic is registered")
    observer = Program(watcher, url)
    observer.until("nobody else is there")
    teller = Program(publisher, url)
    teller.until('refused: schema_violation at "/celsius"')
    caller = Program(consumer, url)
    caller.end()
    keeper.until("watch demo: ends")
    late = Program(watcher, url)
    late.until(wanted[4][-1])
    late.kill()
    teller.end(signal.SIGINT)
    observer.until("thermometer went")
    keeper.end(signal.SIGTERM)
    observer.until("attic went")
    observer.end(signal.SIGINT)
    for program, lines in zip((keeper, observer, teller, caller, late), wanted, strict=True):
        if program.lines != lines:
            raise SystemExit(f"printed: {program.lines}\nwanted:  {lines}")


if __name__ == "__main__":
    main()
