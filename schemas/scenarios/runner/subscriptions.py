"""The subscriptions of one client: remembered over lost connections, and matched to what comes."""

from __future__ import annotations

import envelope
from connection import Connection, Refused
from envelope import Item
from inbox import Deliveries, cost
from matcher import JsonObject

SNAPSHOT_END = "$bus/snapshot-end"


class Subscription:
    """A subscription of the program."""

    def __init__(self, step: JsonObject) -> None:
        self.filter: str = step["filter"]
        self.shared: str | None = step.get("shared")
        self.overflow: str = step.get("overflow", "drop_oldest")
        self.credit: int | None = step.get("credit")
        self.deliveries = Deliveries(self.overflow)
        #: Whether the broker has accepted it, and whether it knows who is there.
        self.accepted = self.informed = False


class Subscriptions:
    """All of a client's. Those of one filter and shared name are one to the broker."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._all: list[Subscription] = []

    async def add(self, subscription: Subscription) -> None:
        """Subscribes, or remembers it for the next connection."""
        self._all.append(subscription)
        if not self._connection.is_open:
            return
        try:
            await self._connection.ask(self._message(subscription))
        except Refused:
            self._all.remove(subscription)
            raise
        subscription.accepted = True

    async def remove(self, subscription: Subscription) -> None:
        """Unsubscribes, and waits until the broker has confirmed it."""
        self._all.remove(subscription)
        if not self._equals(subscription) and not subscription.deliveries.ended:
            members = {"type": "unsubscribe", "filter": subscription.filter, "shared": subscription.shared}
            self._connection.send({name: value for name, value in members.items() if value is not None})
        await self._connection.flush()

    def taken(self, subscription: Subscription, item: Item | None) -> None:
        """Takes note that the program has taken something."""
        if item is not None and item["expect"] == "delivery" and subscription.credit is not None:
            self._connection.send({"type": "credit", "filter": subscription.filter, "count": 1})

    def opened(self) -> None:
        """Subscribes again on a new connection."""
        for subscription in self._all:
            subscription.informed = False
            self._connection.send(self._message(subscription))
            if subscription.accepted:
                subscription.deliveries.gap(0, True)
            subscription.accepted = True

    def handle_delivery(self, message: JsonObject) -> None:
        """Hands a delivery to those that it is for."""
        for subscription in self._route(message):
            item = envelope.item("delivery", message)
            subscription.deliveries.deliver(item, cost(item))

    def handle_gap(self, message: JsonObject) -> None:
        """Hands a gap to those that it is of."""
        for subscription in self._all:
            named = (message.get("filter", subscription.filter), message.get("shared", subscription.shared))
            if named == (subscription.filter, subscription.shared):
                subscription.deliveries.gap(message.get("count", 0), message.get("unknown", False))

    def _route(self, message: JsonObject) -> list[Subscription]:
        topic = message["topic"]
        if "shared" in message:
            return [each for each in self._all if each.shared and f"{each.shared}/{each.filter}" == message["shared"]]
        plain = [each for each in self._all if each.shared is None]
        if "filter" in message:
            return [each for each in plain if each.filter == message["filter"]]
        if topic == SNAPSHOT_END:
            ended = [each for each in plain if each.filter == message["payload"]["filter"] and not each.informed]
            for subscription in ended:
                subscription.informed = True
            return ended
        selected = [each for each in plain if selects(each.filter, topic)]
        return [each for each in selected if not (message.get("snapshot") and each.informed)]

    def _equals(self, subscription: Subscription) -> bool:
        key = (subscription.filter, subscription.shared)
        return any((each.filter, each.shared) == key for each in self._all)

    def _message(self, subscription: Subscription) -> JsonObject:
        members = {
            "type": "subscribe",
            "id": self._connection.number(),
            "filter": subscription.filter,
            "shared": subscription.shared,
            "overflow": subscription.overflow,
            "credit": subscription.credit,
        }
        return {name: value for name, value in members.items() if value is not None}


def selects(filter: str, topic: str) -> bool:
    """Tells whether a filter selects a topic."""
    wanted, levels = filter.split("/"), topic.split("/")
    if wanted[0] in "+#" and topic.startswith("$"):
        return False
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(levels) or level not in ("+", levels[index]):
            return False
    return len(wanted) == len(levels)
