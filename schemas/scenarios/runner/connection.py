"""One client's connection, made again whenever it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import envelope
from broker import Address
from matcher import JsonObject
from wire import Wire, dial

Handler = Callable[[JsonObject], None]

#: Seconds between attempts to connect.
PAUSE = 0.02
#: Silence after which the broker shall ping.
HEARTBEAT_MS = 15_000
#: Bytes of publishes that wait for a connection.
OFFLINE_BYTES = 1 << 20
#: The id of the introduction, which the broker's acceptance echoes.
GREETING = "c"


class Refused(Exception):
    """An action that failed, with its error as it travels."""

    def __init__(self, error: JsonObject) -> None:
        super().__init__(str(error))
        self.error = error


class Connection:
    """Dials, introduces the client, reads messages and answers pings."""

    def __init__(self, road: str, address: Address, name: str) -> None:
        self._road, self._address, self._name = road, address, name
        self._wire: Wire | None = None
        self._task: asyncio.Task[None] | None = None
        self._waiting: list[JsonObject] = []
        self._changed = asyncio.Event()
        self._numbers = 0
        self._answers: dict[str, tuple[asyncio.Future[JsonObject], bool]] = {}
        self.state = "disconnected"
        self.error: JsonObject | None = None
        self.is_draining = False
        #: Counts the connections.
        self.generation = 0
        #: Told of each message, of each connection made, and of each one lost.
        self.on_message: Handler = lambda message: None
        self.on_open: Callable[[], None] = lambda: None
        self.on_lost: Callable[[], None] = lambda: None

    @property
    def is_open(self) -> bool:
        """Tells whether the broker has accepted the client."""
        return self.state == "connected"

    def begin(self) -> None:
        """Begins to dial."""
        self._task = asyncio.create_task(self._run())

    async def wait_for(self, state: str) -> None:
        """Waits until the connection stands so."""
        while self.state != state:
            self._changed.clear()
            await self._changed.wait()

    def number(self) -> str:
        """Makes an id."""
        self._numbers += 1
        return f"{self._name}-{self._numbers}"

    def send(self, message: JsonObject) -> None:
        """Writes a message, which is lost without a connection."""
        if self._wire is not None and self.is_open:
            self._wire.send(message)

    def queue(self, message: JsonObject) -> None:
        """Writes a message, or keeps it for the next connection."""
        if self.is_open:
            return self.send(message)
        if sum(len(envelope.line(each)) for each in [*self._waiting, message]) > OFFLINE_BYTES:
            raise Refused(envelope.problem("queue_full", "too much waits for a connection"))
        self._waiting.append(message)

    async def drain(self) -> None:
        """Waits until what was written is on its way."""
        if self._wire is None:
            return
        try:
            await self._wire.drain()
        except OSError:
            """The reader will notice that the connection is lost."""

    async def ask(self, message: JsonObject, again: bool = False) -> JsonObject:
        """Sends a message and waits for the answer that has its id. With `again` it is asked anew after a loss."""
        answer: asyncio.Future[JsonObject] = asyncio.get_running_loop().create_future()
        self._answers[message["id"]] = (answer, again)
        self.send(message)
        return await answer

    async def flush(self) -> None:
        """Waits until the broker has processed everything before."""
        await self.ask({"type": "ping", "id": self.number()}, again=True)

    async def close(self) -> None:
        """Leaves in the clean way."""
        self.send({"type": "goodbye"})
        self._end(envelope.problem("closed", "the program closed its client"))
        if self._wire is not None:
            self._wire.close()
        await self.stop()

    async def stop(self) -> None:
        """Takes the connection away."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while self.state != "ended":
            try:
                self._wire = await dial(self._road, self._address)
                await self._read(self._wire)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                if self._wire is not None:
                    self._wire.abort()
            if self.is_open:
                self._lose()
            await asyncio.sleep(PAUSE)

    async def _read(self, wire: Wire) -> None:
        wire.send({"type": "connect", "id": GREETING, "name": self._name, "heartbeat_ms": HEARTBEAT_MS})
        while self.state != "ended":
            self._take(await wire.receive())

    def _take(self, message: JsonObject) -> None:
        kind, answered = message["type"], self._answers.get(message.get("id", ""))
        if kind == "connected":
            # After an upgrade the broker says it once more by itself, before.
            if message.get("id") == GREETING:
                self._open()
        elif kind == "ping":
            self.send({**message, "type": "pong"})
        elif kind == "draining":
            self.is_draining = True
        elif kind == "error" and message["error"]["code"] == "taken_over":
            self._end(message["error"])
        elif answered is not None and kind != "delivery":
            del self._answers[message["id"]]
            if answered[0].done():
                return
            if kind == "error":
                answered[0].set_exception(Refused(message["error"]))
            else:
                answered[0].set_result(message)
        else:
            self.on_message(message)

    def _open(self) -> None:
        self.generation += 1
        self.is_draining = False
        self._change("connected")
        self.on_open()
        for message in self._waiting:
            self.send(message)
        self._waiting.clear()
        for id, (_, again) in self._answers.items():
            if again:
                self.send({"type": "ping", "id": id})

    def _lose(self) -> None:
        self._change("disconnected")
        unknown = envelope.problem("outcome_unknown", "the connection was lost")
        for id, (answer, again) in list(self._answers.items()):
            if not again:
                del self._answers[id]
                if not answer.done():
                    answer.set_exception(Refused(unknown))
        self.on_lost()

    def _end(self, error: JsonObject) -> None:
        self.error = error
        if self.is_open:
            self.on_lost()
        self._change("ended")

    def _change(self, state: Any) -> None:
        self.state = state
        self._changed.set()
