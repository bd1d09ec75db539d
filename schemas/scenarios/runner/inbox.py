"""Queues in which things wait until a step expects them."""

from __future__ import annotations

import asyncio
import json
from collections import deque

from envelope import Item

#: Bytes that a subscription holds before its policy applies.
CAPACITY = 4 << 20


class Inbox:
    """Keeps what came, in its order."""

    def __init__(self) -> None:
        self.items: deque[Item] = deque()
        self._changed = asyncio.Event()

    def put(self, item: Item) -> None:
        """Appends something."""
        self.items.append(item)
        self._changed.set()

    def take_now(self) -> Item | None:
        """Takes the next thing, if there is one."""
        return self.items.popleft() if self.items else None

    async def wait(self) -> None:
        """Waits until there is something."""
        while not self.items:
            self._changed.clear()
            await self._changed.wait()

    async def take(self) -> Item:
        """Takes the next thing, and waits for it."""
        await self.wait()
        item = self.take_now()
        assert item is not None, "it was waited for"
        return item


class Deliveries(Inbox):
    """The queue of a subscription: bounded, with the policy of the subscription."""

    def __init__(self, overflow: str) -> None:
        super().__init__()
        self._overflow = overflow
        self._bytes = 0
        self._costs: deque[int] = deque()
        #: Whether it has ended because it was full.
        self.ended = False

    def deliver(self, item: Item, cost: int) -> None:
        """Appends a delivery. Where the queue is full, something gives way to a gap."""
        if self.ended:
            return
        if self._bytes + cost > CAPACITY and self._overflow != "drop_oldest":
            self.ended = self._overflow == "disconnect"
            return self.gap(1, False)
        missing = 0
        while self._bytes + cost > CAPACITY and self.items:
            given = self.take_now()
            assert given is not None, "the queue is not empty"
            missing += given.get("count", 1)
        if missing:
            if self.items and self.items[0]["expect"] == "gap":
                missing += self.items[0]["count"]
                self.take_now()
            self.items.appendleft(_gap(missing, False))
            self._costs.appendleft(0)
        self._bytes += cost
        self._costs.append(cost)
        self.put(item)

    def gap(self, count: int, unknown: bool) -> None:
        """Notes that deliveries are missing here."""
        if self.items and self.items[-1]["expect"] == "gap":
            last = self.items[-1]
            last["count"] += count
            last["unknown"] = last["unknown"] or unknown
            return
        self._costs.append(0)
        self.put(_gap(count, unknown))

    def take_now(self) -> Item | None:
        """Takes the next thing, if there is one."""
        item = super().take_now()
        if item is not None:
            self._bytes -= self._costs.popleft()
        return item


def cost(item: Item) -> int:
    """Returns the bytes that a delivery counts for."""
    return 200 + len(item.get("payload_text") or json.dumps(item.get("payload_base64", "")))


def _gap(count: int, unknown: bool) -> Item:
    return {"expect": "gap", "count": count, "unknown": unknown}
