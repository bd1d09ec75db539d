"""A client with a connection of its own and the behaviours of an SDK."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import envelope
from actor import Actor, Failed, check_receivers
from calls import Calls
from connection import Connection, Refused
from envelope import Item
from inbox import Inbox
from link import Link
from matcher import JsonObject, matches
from services import Services
from subscriptions import Subscription, Subscriptions

#: Milliseconds that connecting waits for the broker.
CONNECT_MS = 5_000


class LinkedActor(Actor):
    """One client and its link."""

    def __init__(self, road: str, label: str, link: Link) -> None:
        self._link = link
        self._connection = Connection(road, link.address, label)
        self._subscriptions = Subscriptions(self._connection)
        self._services = Services(self._connection)
        self._calls = Calls(self._connection)
        self._labels: dict[str, Subscription] = {}
        self._outcomes: dict[str, Inbox] = defaultdict(Inbox)
        self._leaving: dict[str, Inbox] = defaultdict(Inbox)
        self._reports = Inbox()
        self._tasks: set[asyncio.Task[None]] = set()
        self._connection.on_message = self._handle
        self._connection.on_open = self._opened
        self._connection.on_lost = self._lost

    async def connect(self, lazy: bool = False, timeout_ms: int = CONNECT_MS) -> None:
        """Connects, or begins to."""
        self._connection.begin()
        if lazy:
            return
        try:
            await asyncio.wait_for(self._connection.wait_for("connected"), timeout_ms / 1_000)
        except TimeoutError:
            await self._connection.stop()
            raise Refused(envelope.problem("unreachable", "no broker answers")) from None

    async def act(self, step: JsonObject) -> None:
        await getattr(self, f"_do_{step['do']}")(step)

    def inbox(self, step: JsonObject) -> Inbox:
        kind = step["expect"]
        if kind in ("delivery", "gap", "tally"):
            return self._labels[step["on"]].deliveries
        if kind == "invoked":
            return self._services.invoked[step["method"]]
        if kind == "withdrawn":
            return self._services.withdrawn[step["method"]]
        if kind == "unregistered":
            return self._leaving[step["name"]]
        return self._reports if kind == "report" else self._outcomes[step["of"]]

    async def state(self, wanted: str) -> Item:
        await self._connection.wait_for(wanted)
        return {"expect": "state", "state": wanted, "error": self._connection.error}

    def taken(self, step: JsonObject, item: Item) -> None:
        if step["expect"] in ("delivery", "gap", "tally"):
            self._subscriptions.taken(self._labels[step["on"]], item)

    async def left_over(self) -> list[str]:
        if self._connection.is_open:
            try:
                await asyncio.wait_for(self._connection.flush(), LAST_LOOK)
            except (TimeoutError, Refused):
                pass
        queues: dict[str, Inbox] = {f"subscription {label}": each.deliveries for label, each in self._labels.items()}
        queues.update({f"request {label}": each for label, each in self._outcomes.items()})
        return [f"{name} has {queue.items[0]}" for name, queue in queues.items() if queue.items]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self._connection.stop()
        self._link.close()

    async def _do_register(self, step: JsonObject) -> None:
        answer = await self._services.register(step["registration"], step.get("handlers", {}))
        if "compatibility" in step and not matches(step["compatibility"], answer.get("compatibility")):
            raise Failed(f"compatibility: found {answer.get('compatibility')}")

    async def _do_unregister(self, step: JsonObject) -> None:
        ending = self._services.unregister(step["name"], step.get("drain", False))
        if not step.get("drain"):
            return await ending

        async def drained() -> None:
            await ending
            self._leaving[step["name"]].put({"expect": "unregistered"})

        self._tasks.add(asyncio.create_task(drained()))
        await asyncio.sleep(0)

    async def _do_subscribe(self, step: JsonObject) -> None:
        subscription = Subscription(step)
        self._labels[step["as"]] = subscription
        await self._subscriptions.add(subscription)

    async def _do_unsubscribe(self, step: JsonObject) -> None:
        await self._subscriptions.remove(self._labels.pop(step["subscription"]))

    async def _do_publish(self, step: JsonObject) -> None:
        message = {"type": "publish", "topic": step["topic"], **envelope.carried(step)}
        message.update({name: step[name] for name in ("retain", "retain_ms", "exclude_self") if name in step})
        asks = "receivers" in step or "fails" in step
        for _ in range(step.get("repeat", 1)):
            if not asks:
                self._connection.queue(message)
            elif self._connection.is_open:
                acked = {**message, "id": self._connection.number(), "ack": True}
                check_receivers(step, await self._connection.ask(acked))
            else:
                self._connection.queue({**message, "id": self._connection.number(), "ack": True})
            await self._connection.drain()

    async def _do_request(self, step: JsonObject) -> None:
        message = {"type": "request", "to": step["to"], **envelope.carried(step)}
        message.update({name: step[name] for name in ("expires_in_ms", "stream") if name in step})
        for _ in range(step.get("repeat", 1)):
            self._calls.make({**message, "id": self._connection.number()}, self._outcomes[step["as"]])
            if "repeat" in step:
                await self._connection.drain()

    async def _do_cancel(self, step: JsonObject) -> None:
        self._calls.cancel(self._outcomes.pop(step["request"]))

    async def _do_answer(self, step: JsonObject) -> None:
        self._services.answer(step["method"], step["with"])

    async def _do_flush(self, step: JsonObject) -> None:
        await self._connection.flush()

    async def _do_pause(self, step: JsonObject) -> None:
        """Nothing is taken from a subscription but by an expectation."""

    _do_resume = _do_pause

    async def _do_disconnect(self, step: JsonObject) -> None:
        self._link.cut(step.get("unnoticed_by_broker", False))

    async def _do_reconnect(self, step: JsonObject) -> None:
        self._link.restore()
        await self._connection.wait_for("connected")
        await self._connection.flush()

    async def _do_freeze(self, step: JsonObject) -> None:
        self._link.freeze()

    async def _do_thaw(self, step: JsonObject) -> None:
        self._link.restore()

    async def _do_close(self, step: JsonObject) -> None:
        await self._connection.close()

    def _opened(self) -> None:
        self._services.opened()
        self._subscriptions.opened()
        self._calls.opened()

    def _lost(self) -> None:
        self._services.lost()
        self._calls.lost()

    def _handle(self, message: JsonObject) -> None:
        kind = message["type"]
        handlers = {
            "delivery": self._subscriptions.handle_delivery,
            "gap": self._subscriptions.handle_gap,
            "request": self._services.handle_request,
            "registered": self._services.handle_registered,
        }
        if kind in handlers:
            handlers[kind](message)
        elif kind == "cancel":
            self._services.handle_cancel(message)
        elif kind in ("reply", "chunk", "end", "error") and self._calls.handle(message):
            pass
        elif kind == "error":
            self._reports.put({"expect": "report", "error": message["error"]})


LAST_LOOK = 5.0
