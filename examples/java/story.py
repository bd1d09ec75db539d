#!/usr/bin/env python3
"""Runs the four programs beside a broker, in the orders and pairs that examples/README.md names, and holds what they
print against that page. Programs are commands, so that those of two languages can be paired."""

import os
import pathlib
import queue
import re
import signal
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE_S = 60


def printed():
    """The blocks of the page: service, watcher, publisher, consumer, a late watcher."""
    page = (ROOT / "examples/README.md").read_text()
    return [block.strip().splitlines() for block in re.findall(r"```text\n(.*?)```", page, re.S)][:5]


class Program:
    """A program that runs, and the lines that it has printed so far."""

    def __init__(self, command, url):
        environment = dict(os.environ, BUSLANE_URL=url)
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        self.lines, self.coming = [], queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.coming.put(line.rstrip("\n"))
        self.coming.put(None)

    def until(self, last):
        while True:
            line = self.coming.get(timeout=PATIENCE_S)
            if line is None:
                raise AssertionError(f"{last!r} does not come after {self.lines}")
            self.lines.append(line)
            if line == last:
                return

    def end(self, asked=None):
        if asked is not None:
            self.process.send_signal(asked)
        while (line := self.coming.get(timeout=PATIENCE_S)) is not None:
            self.lines.append(line)
        if self.process.wait(timeout=PATIENCE_S) != 0:
            raise AssertionError(f"exit code {self.process.returncode} after {self.lines}")
        return self.lines


def play(url, service_of, caller_of):
    """Plays the story with service and publisher of one language, watcher and consumer of another."""
    service_says, watcher_says, publisher_says, consumer_says, late_says = printed()
    running = []

    def start(command):
        running.append(Program(command, url))
        return running[-1]

    try:
        service = start(service_of("service"))
        service.until("attic is registered")
        watcher = start(caller_of("watcher"))
        watcher.until("nobody else is there")
        publisher = start(service_of("publisher"))
        publisher.until('refused: schema_violation at "/celsius"')
        consumer = start(caller_of("consumer"))
        same("consumer", consumer.end(), consumer_says)
        service.until("watch demo: ends")
        late = start(caller_of("watcher"))
        late.until(late_says[-1])
        same("late watcher", late.lines, late_says)
        same("publisher", publisher.end(signal.SIGINT), publisher_says)
        watcher.until("thermometer went")
        same("service", service.end(signal.SIGTERM), service_says)
        watcher.until("attic went")
        same("watcher", watcher.end(signal.SIGINT), watcher_says)
    finally:
        for program in running:
            program.process.kill()


def same(who, found, expected):
    if found != expected:
        raise AssertionError(f"{who} prints\n  " + "\n  ".join(found) + "\nand not\n  " + "\n  ".join(expected))


def java(program):
    name = {"service": "Attic"}.get(program, program.capitalize())
    classes = ROOT / "examples/java/target"
    return ["java", "-Xcheck:jni", "--module-path", f"{classes}/classes:{classes}/lib", "--module",
            f"io.buslane.examples/io.buslane.examples.{name}"]


def main():
    broker_command, others = sys.argv[1], sys.argv[2]
    broker = subprocess.Popen(
        [broker_command, "serve", "--listen", "127.0.0.1:0", "--data", str(ROOT / "examples/java/target/data")],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for line in broker.stdout:
            if found := re.search(r"listening on (127\.0\.0\.1:\d+)", line):
                break
        threading.Thread(target=broker.stdout.read, daemon=True).start()
        url = f"buslane://{found[1]}"

        def rust(program):
            return [f"{others}/{program}"]

        for what, service_of, caller_of in [("java", java, java), ("java serves rust", java, rust),
                                            ("rust serves java", rust, java)]:
            play(url, service_of, caller_of)
            clear = [broker_command, "pub", "room/kitchen/temperature", "--clear", "--url", url]
            subprocess.run(clear, check=True, stdout=subprocess.DEVNULL)
            print(f"{what}: as the page shows")
    finally:
        broker.kill()


if __name__ == "__main__":
    main()
