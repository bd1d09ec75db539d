"""A client that is played by a program in any language, over its SDK.

The program reads steps from its standard input, one JSON object a line, each with a `number`, and answers each with
`{"done": NUMBER}` and what is compared (`receivers`, `compatibility`), or `{"refused": NUMBER, "error": PROBLEM}`. What
comes to it, it tells as `{"queue": [KIND, LABEL], "item": ITEM}`, and where its connection stands as `{"state": ITEM}`.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from typing import Any

from actor import Actor, Failed, check_receivers
from connection import Refused
from envelope import Item
from inbox import Inbox
from link import Link
from matcher import JsonObject, matches

#: Which queue an expectation takes from, and the member that names it.
QUEUES = {
    "delivery": ("subscription", "on"),
    "gap": ("subscription", "on"),
    "tally": ("subscription", "on"),
    "invoked": ("invoked", "method"),
    "withdrawn": ("withdrawn", "method"),
    "unregistered": ("unregistered", "name"),
}
#: Queues that may hold something at the end.
LEFT_ALONE = {"invoked", "withdrawn", "report", "unregistered"}


class ProgramActor(Actor):
    """One client in a process of its own."""

    def __init__(self, program: str, label: str, link: Link) -> None:
        self._program, self._label, self._link = program, label, link
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._numbers = 0
        self._answers: dict[int, asyncio.Future[JsonObject]] = {}
        self._queues: dict[tuple[str, str], Inbox] = defaultdict(Inbox)
        #: Where the connection stands, after what it passed through since the last look.
        self._states: list[Item] = [{"expect": "state", "state": "disconnected", "error": None}]
        self._changed = asyncio.Condition()

    async def connect(self, lazy: bool, timeout_ms: int) -> None:
        """Starts the program and lets it connect."""
        self._process = await asyncio.create_subprocess_exec(
            self._program, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LONGEST_LINE
        )
        self._reader = asyncio.create_task(self._read())
        host, port = self._link.address
        url = f"buslane://{host}:{port}"
        await self._ask({"do": "connect", "url": url, "name": self._label, "lazy": lazy, "timeout_ms": timeout_ms})

    async def act(self, step: JsonObject) -> None:
        if step["do"] == "disconnect":
            return self._link.cut(step.get("unnoticed_by_broker", False))
        if step["do"] == "freeze":
            return self._link.freeze()
        if step["do"] in ("thaw", "reconnect"):
            self._link.restore()
        if step["do"] == "thaw":
            return
        if step["do"] == "reconnect":
            await self.state("connected")
        answer = await self._ask(step)
        check_receivers(step, answer)
        if "compatibility" in step and not matches(step["compatibility"], answer.get("compatibility")):
            raise Failed(f"compatibility: found {answer.get('compatibility')}")
        if step["do"] == "cancel":
            self._queues.pop(("request", step["request"]), None)
        if step["do"] == "unsubscribe":
            self._queues.pop(("subscription", step["subscription"]), None)

    def inbox(self, step: JsonObject) -> Inbox:
        if step["expect"] == "report":
            return self._queues["report", ""]
        kind, member = QUEUES.get(step["expect"], ("request", "of"))
        return self._queues[kind, step[member]]

    async def state(self, wanted: str) -> Item:
        async with self._changed:
            await self._changed.wait_for(lambda: any(item["state"] == wanted for item in self._states))
            while self._states[0]["state"] != wanted:
                self._states.pop(0)
            return self._states[0]

    async def left_over(self) -> list[str]:
        if self._states[-1]["state"] == "connected":
            try:
                await asyncio.wait_for(self._ask({"do": "flush"}), LAST_LOOK)
            except (TimeoutError, Refused):
                pass
        return [f"{kind} {label} has {queue.items[0]}" for (kind, label), queue in self._queues.items() if queue.items and kind not in LEFT_ALONE]

    async def stop(self) -> None:
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()
        if self._reader is not None:
            await self._reader
        self._link.close()

    async def _ask(self, step: JsonObject) -> JsonObject:
        assert self._process is not None and self._process.stdin is not None, "the program runs"
        self._numbers += 1
        answer: asyncio.Future[JsonObject] = asyncio.get_running_loop().create_future()
        self._answers[self._numbers] = answer
        line = json.dumps({**step, "number": self._numbers}, separators=(",", ":"))
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()
        return await answer

    async def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None, "the program runs"
        while line := await self._process.stdout.readline():
            await self._take(json.loads(line))
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(Failed("the program has ended"))

    async def _take(self, told: dict[str, Any]) -> None:
        if "queue" in told:
            kind, label = told["queue"]
            item = told["item"]
            if item.get("payload_text") is not None:
                item["payload"] = json.loads(item["payload_text"])
            self._queues[kind, label].put(item)
        elif "state" in told:
            async with self._changed:
                self._states.append(told["state"])
                self._changed.notify_all()
        elif "refused" in told:
            self._answers.pop(told["refused"]).set_exception(Refused(told["error"]))
        else:
            self._answers.pop(told["done"]).set_result(told)


LAST_LOOK = 5.0
LONGEST_LINE = 16 << 20
