"""What one client offers: its registrations, and scripted handlers for the requests that come in."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import envelope
from connection import Connection, Refused
from inbox import Inbox
from matcher import JsonObject


class Registration:
    """A registration, with what the broker made of it."""

    def __init__(self, declaration: JsonObject, handlers: JsonObject) -> None:
        self.declaration, self.handlers = dict(declaration), handlers
        self.resume: str | None = None

    def answers(self, service: str, method: str) -> bool:
        """Tells whether a request may be for it. `service` is what stands before the method in an address."""
        name, instance = self.declaration["name"], self.declaration.get("instance")
        names = {name, f"{name}#{instance}", "*", *(f"@{group}" for group in self.declaration.get("groups", []))}
        return service in names and method in self.declaration.get("methods", {})


class Invocation:
    """A request that came in."""

    def __init__(self, message: JsonObject, registration: Registration, generation: int) -> None:
        self.message, self.registration, self.generation = message, registration, generation
        self.method: str = message["to"].rpartition(":")[2]
        self.is_open = True


class Services:
    """All that a client offers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._all: list[Registration] = []
        self._open: dict[int, Invocation] = {}
        self._held: dict[str, list[Invocation]] = defaultdict(list)
        #: Calls of handlers, and those that nobody waits for any more, by method.
        self.invoked: dict[str, Inbox] = defaultdict(Inbox)
        self.withdrawn: dict[str, Inbox] = defaultdict(Inbox)

    async def register(self, declaration: JsonObject, handlers: JsonObject) -> JsonObject:
        """Registers, or remembers it for the next connection. Returns what the broker said."""
        registration = Registration(declaration, handlers)
        self._all.append(registration)
        if not self._connection.is_open:
            return {}
        try:
            answer = await self._connection.ask(self._message(registration))
        except Refused:
            self._all.remove(registration)
            raise
        self._accept(registration, answer)
        return answer

    async def unregister(self, name: str, drain: bool) -> None:
        """Ends the last registration of a name, and waits until the broker has confirmed it."""
        registration = [each for each in self._all if each.declaration["name"] == name][-1]
        instance = registration.declaration.get("instance")
        message: JsonObject = {"type": "unregister", "id": self._connection.number(), "name": name}
        message.update({"instance": instance} if instance else {}, **({"drain": True} if drain else {}))
        await self._connection.ask(message)
        self._all.remove(registration)
        for invocation in list(self._open.values()):
            if invocation.registration is registration:
                self._withdraw(invocation)

    def opened(self) -> None:
        """Registers again on a new connection."""
        for registration in self._all:
            message = self._message(registration)
            message["id"] = f"r{self._all.index(registration)}"
            self._connection.send(message)

    def lost(self) -> None:
        """Withdraws what came by a connection that is gone."""
        for invocation in list(self._open.values()):
            self._withdraw(invocation)

    def handle_registered(self, message: JsonObject) -> None:
        """Takes the acceptance of a registration that was made again."""
        index = message.get("id", "")[1:]
        if index.isdecimal() and int(index) < len(self._all):
            self._accept(self._all[int(index)], message)

    def handle_request(self, message: JsonObject) -> None:
        """Starts the handler of a request."""
        service, _, method = message["to"].rpartition(":")
        service = message.get("callee", service).rpartition("/")[2]
        fitting = [each for each in self._all if each.answers(service, method)]
        if not fitting:
            return self._answer(message["delivery"], {"type": "error", "error": {"code": "no_instance"}})
        invocation = Invocation(message, fitting[0], self._connection.generation)
        self._open[message["delivery"]] = invocation
        self.invoked[method].put(envelope.item("invoked", message))
        self._work(invocation, fitting[0].handlers.get(method, {"hold": True}))

    def handle_cancel(self, message: JsonObject) -> None:
        """Takes note that nobody waits for an answer any more."""
        invocation = self._open.get(message["delivery"])
        if invocation is not None:
            self._withdraw(invocation)

    def answer(self, method: str, answer: JsonObject) -> None:
        """Answers the oldest request that a method holds."""
        self._work(self._held[method].pop(0), answer)

    def _work(self, invocation: Invocation, answer: JsonObject) -> None:
        delivery = invocation.message["delivery"]
        if "stream" in answer:
            for value in answer["stream"]:
                self._answer(delivery, {"type": "chunk", "payload": value})
            if not answer.get("hold"):
                self._finish(invocation, {"type": "chunk", "last": True})
        elif "hold" in answer:
            self._held[invocation.method].append(invocation)
        elif "error" in answer:
            self._finish(invocation, {"type": "error", "error": answer["error"]})
        elif "echo" in answer:
            names = ("payload", "payload_text", "encoding", "content_type")
            echoed = {name: invocation.message[name] for name in names if name in invocation.message}
            self._finish(invocation, {"type": "reply", **echoed})
        else:
            self._finish(invocation, {"type": "reply", "payload": answer["reply"]})

    def _finish(self, invocation: Invocation, message: JsonObject) -> None:
        if not invocation.is_open:
            return
        invocation.is_open = False
        del self._open[invocation.message["delivery"]]
        self._answer(invocation.message["delivery"], message)

    def _answer(self, delivery: int, message: JsonObject) -> None:
        if "payload_text" in message:
            message.pop("payload", None)
        self._connection.send({**message, "delivery": delivery})

    def _withdraw(self, invocation: Invocation) -> None:
        invocation.is_open = False
        self._open.pop(invocation.message["delivery"], None)
        self.withdrawn[invocation.method].put({"expect": "withdrawn"})

    def _accept(self, registration: Registration, answer: JsonObject) -> None:
        registration.resume = answer["resume"]
        registration.declaration["instance"] = answer["instance"]

    def _message(self, registration: Registration) -> dict[str, Any]:
        message = {"type": "register", "id": self._connection.number(), **registration.declaration}
        return {**message, "resume": registration.resume} if registration.resume else message
