"""The broker of one scenario: the real binary, on a free port."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import tempfile

from matcher import JsonObject

Address = tuple[str, int]


class Broker:
    """A broker that can be killed, asked to end, and started again on another port."""

    def __init__(self, binary: str, options: JsonObject) -> None:
        self._binary = binary
        self._variables = _variables(options)
        self._folder = tempfile.TemporaryDirectory()
        self._process: asyncio.subprocess.Process | None = None
        self._log: asyncio.Task[None] | None = None
        #: Where it listens now.
        self.address: Address | None = None

    async def start(self) -> None:
        """Starts the broker, after the last one has ended."""
        if self._process is not None:
            await asyncio.wait_for(self._process.wait(), LONGEST_END)
        self._process = await asyncio.create_subprocess_exec(
            self._binary,
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--data",
            self._folder.name,
            env={**_environment(), **self._variables},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert self._process.stdout is not None, "it is a pipe"
        self.address = await asyncio.wait_for(_announced(self._process.stdout), LONGEST_START)
        self._log = asyncio.create_task(_drain(self._process.stdout))

    async def kill(self) -> None:
        """Ends the broker at once."""
        self.address = None
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def drain(self) -> None:
        """Asks the broker to end."""
        assert self._process is not None, "a scenario drains what runs"
        self._process.send_signal(signal.SIGTERM)

    async def end(self) -> None:
        """Takes everything away."""
        await self.kill()
        if self._log is not None:
            await self._log
        self._folder.cleanup()


async def _announced(output: asyncio.StreamReader) -> Address:
    said = b""
    while line := await output.readline():
        said += line
        found = re.search(rb"listening on ([0-9.]+):([0-9]+)", line)
        if found:
            return found[1].decode(), int(found[2])
    raise RuntimeError(f"the broker does not listen; it said: {said.decode(errors='replace')}")


async def _drain(output: asyncio.StreamReader) -> None:
    while await output.read(1 << 16):
        pass


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("BUSLANE_")}


def _variables(options: JsonObject) -> dict[str, str]:
    return {
        f"BUSLANE_{section}_{key}".upper(): str(value)
        for section, keys in options.items()
        for key, value in keys.items()
    }


LONGEST_START = 30.0
LONGEST_END = 30.0
