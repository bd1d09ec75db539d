"""The requests of one client: each ends once, at the latest a little after its deadline."""

from __future__ import annotations

import asyncio

import envelope
from connection import Connection
from inbox import Inbox
from matcher import JsonObject

#: Milliseconds of a request that names no deadline, and how much later this side ends it itself.
DEFAULT_MS, GRACE_MS = 5_000, 250


class Call:
    """A request in flight."""

    def __init__(self, message: JsonObject, outcomes: Inbox) -> None:
        self.message, self.outcomes = message, outcomes
        self.is_sent = False
        self.bound_ms: int | None = message.get("expires_in_ms", DEFAULT_MS)
        self.ends_at = 0.0
        self.timer: asyncio.TimerHandle | None = None


class Calls:
    """All of a client's requests in flight."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._all: dict[str, Call] = {}
        self._loop = asyncio.get_running_loop()

    def make(self, message: JsonObject, outcomes: Inbox) -> None:
        """Sends a request, or keeps it for the next connection."""
        call = Call(message, outcomes)
        self._all[message["id"]] = call
        if self._connection.is_open and not self._connection.is_draining:
            self._send(call)
        self._arm(call)

    def cancel(self, outcomes: Inbox) -> None:
        """Ends all requests whose outcomes go there, at once and silently."""
        for id, call in list(self._all.items()):
            if call.outcomes is outcomes:
                self._forget(id)
                if call.is_sent:
                    self._connection.send({"type": "cancel", "id": id})

    def opened(self) -> None:
        """Sends what waited for a connection."""
        now = self._loop.time()
        for call in list(self._all.values()):
            if call.bound_ms is not None:
                call.message["expires_in_ms"] = max(1, int((call.ends_at - now) * 1_000))
            self._send(call)

    def lost(self) -> None:
        """Ends what was sent on a connection that is gone."""
        for id, call in list(self._all.items()):
            if call.is_sent:
                self._fail(id, "outcome_unknown", "the connection was lost after the request was sent")

    def handle(self, message: JsonObject) -> bool:
        """Takes what came of a request. Tells whether somebody waits for it."""
        call = self._all.get(message.get("id", ""))
        if call is None:
            return False
        call.outcomes.put(envelope.outcome(message))
        is_part = _is_gathered(call.message) and message["type"] != "end" and "from" in message
        if message["type"] == "chunk" or is_part:
            if message["type"] == "chunk":
                self._arm(call)
        else:
            self._forget(message["id"])
        return True

    def _send(self, call: Call) -> None:
        call.is_sent = True
        self._connection.send(call.message)

    def _arm(self, call: Call) -> None:
        if call.timer is not None:
            call.timer.cancel()
        if call.bound_ms is not None:
            call.ends_at = self._loop.time() + call.bound_ms / 1_000
            call.timer = self._loop.call_at(call.ends_at, self._expire, call)

    def _expire(self, call: Call) -> None:
        id = call.message["id"]
        late = self._loop.time() - call.ends_at
        if id not in self._all:
            return
        if not call.is_sent:
            self._fail(id, "not_sent", "no connection came about in time")
        elif late < GRACE_MS / 1_000:
            call.timer = self._loop.call_at(call.ends_at + GRACE_MS / 1_000, self._expire, call)
        else:
            self._fail(id, "deadline_exceeded", "the broker said nothing in time")
            self._connection.send({"type": "cancel", "id": id})

    def _fail(self, id: str, code: str, detail: str) -> None:
        call = self._forget(id)
        call.outcomes.put({"expect": "error", "error": envelope.problem(code, detail), "from": None})

    def _forget(self, id: str) -> Call:
        call = self._all.pop(id)
        if call.timer is not None:
            call.timer.cancel()
        return call


def _is_gathered(message: JsonObject) -> bool:
    to = message["to"]
    return isinstance(to, list) or to.startswith(("@", "*"))
