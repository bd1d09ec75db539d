"""A bare connection with JSON lines, which says nothing but what a step says."""

from __future__ import annotations

import asyncio
import json

from actor import Actor
from envelope import Item
from inbox import Inbox
from link import Link
from matcher import JsonObject


class BareActor(Actor):
    """A connection and its link."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._messages = Inbox()
        self._ended = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self) -> None:
        """Dials."""
        reader, self._writer = await asyncio.open_connection(*self._link.address)
        self._task = asyncio.create_task(self._read(reader))

    async def act(self, step: JsonObject) -> None:
        assert self._writer is not None and step["do"] == "send", "a bare connection only sends"
        text = step["line"] if "line" in step else json.dumps(step["message"])
        self._writer.write(text.encode() + b"\n")
        await self._writer.drain()

    def inbox(self, step: JsonObject) -> Inbox:
        return self._messages

    async def state(self, wanted: str) -> Item:
        if wanted == "disconnected":
            await self._ended.wait()
        return {"expect": "state", "state": wanted}

    async def left_over(self) -> list[str]:
        return [f"a message came: {item}" for item in self._messages.items]

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._writer is not None:
            self._writer.transport.abort()
        self._link.close()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._messages.put({"expect": "message", "message": json.loads(line)})
        except OSError:
            pass
        self._ended.set()
