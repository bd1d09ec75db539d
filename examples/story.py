"""Plays the story of README.md with the four programs, and holds what each prints to what that page shows; and runs the
program of each language that the front page of the repository prints.

Usage: python3 examples/story.py BROKER LANGUAGE...

A language is rust, cpp, js or java, whose programs are built already (`just test-examples` does that), or a name and a
command as in `cpp=build/{program}`. Service and publisher are of each language once, and meet consumers and watchers of
all: so every language meets every other one in both directions.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent

# How the programs of each language are started, in the root. The target folder is that of the broker.
COMMANDS = {
    "rust": "{target}/debug/{program}",
    "cpp": "{target}/cpp/test/build/tests/examples/{program}",
    "js": "node --import ./bindings/js/test/stage/resolve.mjs examples/js/{program}.mjs",
    "java": "java -Xcheck:jni --module-path examples/java/target/classes:examples/java/target/lib"
    " --module io.buslane.examples/io.buslane.examples.{Program}",
}

# The programs that the front page prints, whole or in part, in blocks of their language; Rust's is held by its own test.
PRINTED = {
    "cpp": "examples/cpp/hello.cpp",
    "js": "examples/js/hello.mjs",
    "java": "examples/java/src/main/java/io/buslane/examples/Hello.java",
}

# How long a program may be silent. Only a story that fails waits for it.
PATIENCE_S = 300

# Starts a program of a language, by its name.
Starter = Callable[[str, str], "Program"]


class Program:
    """A program that runs, and the lines that it has printed."""

    def __init__(self, title: str, command: list[str], url: str) -> None:
        self.title = title
        self.lines: list[str] = []
        self._coming: queue.Queue[str | None] = queue.Queue()
        environment = {**os.environ, "BUSLANE_URL": url}
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def until(self, last: str) -> None:
        """Reads until a line comes, beyond those that were read."""
        while (line := self._next()) is not None:
            if line == last:
                return
        self._fail(f"ended before it printed {last!r}")

    def end(self, asked: signal.Signals | None = None) -> None:
        """Asks for the end, unless it comes by itself, and reads what is left."""
        if asked is not None:
            self._process.send_signal(asked)
        while self._next() is not None:
            pass
        if self._process.wait(PATIENCE_S) != 0:
            self._fail(f"ended with {self._process.returncode}")

    def printed(self, expected: list[str], seen: Callable[[list[str]], object] = list) -> None:
        """Holds what it printed to what it should have, as far as that can be seen."""
        if seen(self.lines) != seen(expected):
            self._fail("printed something else than\n  " + "\n  ".join(expected))

    def kill(self) -> None:
        """Takes it away, if it is still there."""
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._coming.put(line.rstrip("\n"))
        self._coming.put(None)

    def _next(self) -> str | None:
        try:
            line = self._coming.get(timeout=PATIENCE_S)
        except queue.Empty:
            self._fail("says nothing more")
        if line is not None:
            self.lines.append(line)
        return line

    def _fail(self, what: str) -> NoReturn:
        sys.exit(f"{self.title} {what}\nit printed\n  " + "\n  ".join(self.lines))


def main() -> None:
    """Plays the story once for each language that serves."""
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    broker = Path(sys.argv[1]).resolve()
    target = broker.parent.parent
    commands = {name: command or COMMANDS[name] for name, _, command in (each.partition("=") for each in sys.argv[2:])}
    for serving in commands:
        with running(broker) as url, contextlib.ExitStack() as programs:
            play(starter(commands, target, url, programs), serving, list(commands))
        print(f"{serving} serves {', '.join(commands)}: they print what the page shows", flush=True)
    for language in commands:
        with running(broker) as url, contextlib.ExitStack() as programs:
            greet(starter(commands, target, url, programs), language)
        print(f"hello in {language} does what it should", flush=True)


def starter(commands: dict[str, str], target: Path, url: str, programs: contextlib.ExitStack) -> Starter:
    """Returns what starts the programs, which are gone when the stack is left."""

    def start(language: str, program: str) -> Program:
        # A class called Service would be taken for the one of the SDK.
        name = {"service": "Attic"}.get(program, program.capitalize())
        command = commands[language].format(target=target, program=program, Program=name)
        started = Program(f"{program} in {language}", shlex.split(command), url)
        programs.callback(started.kill)
        return started

    return start


@contextlib.contextmanager
def running(binary: Path) -> Iterator[str]:
    """Starts a broker, and gives its URL."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BUSLANE_")}
    with tempfile.TemporaryDirectory() as data:
        command = [binary, "serve", "--listen", "127.0.0.1:0", "--data", data]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as broker:
            try:
                assert broker.stdout is not None
                found = re.search(r"listening on (\S+)", broker.stdout.readline())
                if found is None:
                    sys.exit("the broker does not say where it listens")
                yield f"buslane://{found[1]}"
            finally:
                broker.kill()


def play(start: Starter, serving: str, languages: list[str]) -> None:
    """Plays the story with service and publisher of one language, consumers and watchers of all."""
    service_says, watcher_says, publisher_says, consumer_says, late_says = shown()
    service = start(serving, "service")
    service.until(service_says[0])
    watchers = [start(language, "watcher") for language in languages]
    for watcher in watchers:
        watcher.until("nobody else is there")
    publisher = start(serving, "publisher")
    publisher.until(publisher_says[-2])
    for language in languages:
        consumer = start(language, "consumer")
        consumer.end()
        consumer.printed(consumer_says)
        service.until(service_says[-2])
    for language in languages:
        late = start(language, "watcher")
        late.until(late_says[-1])
        late.printed(late_says)
        late.kill()
    publisher.end(signal.SIGINT)
    publisher.printed(publisher_says)
    for watcher in watchers:
        watcher.until("thermometer went")
    service.end(signal.SIGTERM)
    # Of each consumer the service says the same.
    service.printed([service_says[0], *service_says[1:-1] * len(languages), service_says[-1]])
    for watcher in watchers:
        watcher.until("attic went")
        watcher.end(signal.SIGINT)
        watcher.printed(watcher_says, by_subscription)


def by_subscription(lines: list[str]) -> tuple[list[str], list[str]]:
    """What a watcher prints of who is there, and of the readings: neither waits for the other."""
    readings = [line for line in lines if line.startswith("room/")]
    return [line for line in lines if line not in readings], readings


def greet(start: Starter, language: str) -> None:
    """Runs the first program of a language beside a service that has a colour, and holds the front page to it."""
    start(language, "service").until("attic is registered")
    start(language, "consumer").end()
    hello = start(language, "hello")
    hello.end()
    colour, reading = hello.lines
    if "blue" not in colour or not reading.startswith("room/attic/temperature ") or "19" not in reading:
        sys.exit(f"{hello.title} printed {hello.lines}")
    if language in PRINTED:
        page = (ROOT / "README.md").read_text(encoding="utf-8")
        program = unindented((ROOT / PRINTED[language]).read_text(encoding="utf-8"))
        blocks = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
        if not blocks or any(unindented(block) not in program for block in blocks):
            sys.exit(f"README.md prints something else than {PRINTED[language]}")


def unindented(text: str) -> str:
    """Returns a text without what its lines begin with."""
    return "".join(f"{line.strip()}\n" for line in text.splitlines())


def shown() -> list[list[str]]:
    """The blocks of the page: service, watcher, publisher, consumer, a late watcher."""
    page = (ROOT / "examples/README.md").read_text(encoding="utf-8")
    return [block.splitlines() for block in re.findall(r"```text\n(.*?)```", page, re.DOTALL)][:5]


if __name__ == "__main__":
    main()
