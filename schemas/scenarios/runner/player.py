"""Plays one scenario: starts the broker, connects the clients, takes the steps."""

from __future__ import annotations

import asyncio

from actor import Actor, Failed
from bare_actor import BareActor
from broker import Broker
from connection import Refused
from envelope import Item
from http_actor import HttpActor
from inbox import Inbox
from linked_actor import CONNECT_MS, LinkedActor
from link import Link
from matcher import JsonObject, differences, matches
from program_actor import ProgramActor
from scenario import Scenario

#: Seconds that an action may take, and milliseconds for an expectation that names no bound.
LONGEST_ACTION, USUAL_BOUND_MS = 30.0, 10_000
#: Members of an expectation that say where to look, not what to compare.
PLACES = {"client", "on", "of", "method", "name", "within_ms", "why"}
#: Members of which others may come along.
SUBSETS = {"error", "headers", "content"}


async def play(scenario: Scenario, binary: str, road: str, program: str | None = None) -> set[str]:
    """Plays a scenario over a road; over `sdk`, by a program. Returns who went over HTTP. Raises `Failed` with what is
    wrong."""
    over_http = scenario.over_http() if road == "http" else set()
    if road == "http" and not over_http:
        raise Failed("no client fits HTTP: say in not_over why")
    broker = Broker(binary, scenario.document.get("broker", {}))
    stage = Stage(scenario, broker, "lines" if road == "http" else road, over_http, program)
    try:
        await stage.begin()
        for number, step in enumerate(scenario.document["steps"], 1):
            try:
                await stage.take(step)
            except (Failed, Refused, TimeoutError) as error:
                said = str(error) or "it did not come to an end"
                raise Failed(f"step {number}: {step}\n    {said}") from error
        await stage.check_rest()
    finally:
        await stage.end()
    return over_http


class Stage:
    """The broker and the clients of a scenario."""

    def __init__(
        self, scenario: Scenario, broker: Broker, road: str, over_http: set[str], program: str | None
    ) -> None:
        self._scenario, self._broker, self._road, self._over_http = scenario, broker, road, over_http
        self._program = program
        self._actors: dict[str, Actor] = {}

    async def begin(self) -> None:
        """Starts the broker and connects the clients."""
        await self._broker.start()
        for label in self._scenario.clients:
            if label in self._over_http:
                self._actors[label] = HttpActor(label, self._broker)
                continue
            if not self._scenario.is_marked("unconnected", label):
                await self._connect(label)

    async def take(self, step: JsonObject) -> None:
        """Takes one step."""
        if "any_order" in step:
            await self._expect(step["any_order"])
        elif step.get("expect") == "tally":
            await asyncio.wait_for(self._tally(step), step.get("within_ms", USUAL_BOUND_MS) / 1_000)
        elif "expect" in step:
            await self._expect([step])
        else:
            await asyncio.wait_for(self._act(step), LONGEST_ACTION)

    async def check_rest(self) -> None:
        """Looks for what nobody expected."""
        left = [f"{label}: {what}" for label, actor in self._actors.items() for what in await actor.left_over()]
        if left:
            raise Failed("left over at the end: " + "; ".join(left)[:1_000])

    async def end(self) -> None:
        """Takes everything away."""
        for actor in self._actors.values():
            await actor.stop()
        await self._broker.end()

    async def _connect(self, label: str, lazy: bool = False, timeout_ms: int = CONNECT_MS) -> None:
        link = Link(self._broker)
        await link.open()
        if self._scenario.is_marked("by_hand", label):
            bare = BareActor(link)
            self._actors[label] = bare
            return await bare.connect()
        actor: LinkedActor | ProgramActor
        if self._program is None:
            actor = LinkedActor(self._road, label, link)
        else:
            actor = ProgramActor(self._program, label, link)
        try:
            await actor.connect(lazy, timeout_ms)
        except Refused:
            await actor.stop()
            raise
        self._actors[label] = actor

    async def _act(self, step: JsonObject) -> None:
        try:
            await self._do(step)
        except Refused as refused:
            if "fails" not in step:
                raise Failed(f"it failed: {refused.error}") from refused
            wrong = differences(step["fails"], refused.error)
            if wrong:
                raise Failed("the error differs: " + "; ".join(wrong)) from refused
            return
        if "fails" in step:
            raise Failed("it should have failed")

    async def _do(self, step: JsonObject) -> None:
        if "client" in step:
            if step["do"] != "connect":
                return await self._actors[step["client"]].act(step)
            return await self._connect(step["client"], step.get("lazy", False), step.get("timeout_ms", CONNECT_MS))
        if step["do"] == "start_broker":
            await self._broker.start()
        elif step["how"] == "kill":
            await self._broker.kill()
        else:
            self._broker.drain()

    async def _expect(self, open: list[JsonObject]) -> None:
        """Meets expectations, in whatever order things come."""
        open = list(open)
        while open:
            first = open[0]
            bound = first.get("within_ms", USUAL_BOUND_MS) / 1_000
            try:
                item, inbox = await asyncio.wait_for(self._next(first), bound)
            except TimeoutError:
                raise Failed(f"nothing came within {bound} s") from None
            met = [each for each in open if self._same(each, first, inbox) and not self._differences(each, item)]
            if not met:
                raise Failed(f"something else came: {'; '.join(self._differences(first, item))}; it is {item}"[:2_000])
            open.remove(met[0])

    async def _next(self, step: JsonObject) -> tuple[Item, Inbox | None]:
        actor = self._actors[step["client"]]
        if step["expect"] == "state":
            return await actor.state(step["state"]), None
        inbox = actor.inbox(step)
        item = await inbox.take()
        actor.taken(step, item)
        return item, inbox

    def _same(self, one: JsonObject, other: JsonObject, inbox: Inbox | None) -> bool:
        if one is other or inbox is None:
            return one is other
        return one["client"] == other["client"] and self._actors[one["client"]].inbox(one) is inbox

    def _differences(self, step: JsonObject, item: Item) -> list[str]:
        wanted = {name: value for name, value in step.items() if name not in PLACES}
        return differences({n: {"$subset": v} if n in SUBSETS else v for n, v in wanted.items()}, item)

    async def _tally(self, step: JsonObject) -> None:
        """Adds up what several subscriptions yield."""
        places = [{**place, "expect": "tally"} for place in step["of"]]
        came: list[str | None] = []
        missing = 0
        while len(came) + missing < step["total"]:
            item = await self._next_of_any(places)
            if item["expect"] == "gap":
                missing += item["count"]
            else:
                came.append(item.get("payload_text"))
        if not matches(step.get("missing", {"$any": True}), missing):
            raise Failed(f"missing: expected {step['missing']}, found {missing}")
        if step.get("distinct") and len(set(came)) != len(came):
            raise Failed("something came twice")
        if len(came) + missing != step["total"]:
            raise Failed(f"{len(came)} came and {missing} are missing, not {step['total']} in all")

    async def _next_of_any(self, places: list[JsonObject]) -> Item:
        while True:
            for place in places:
                actor = self._actors[place["client"]]
                item = actor.inbox(place).take_now()
                if item is not None:
                    actor.taken(place, item)
                    return item
            waits = [asyncio.create_task(self._actors[p["client"]].inbox(p).wait()) for p in places]
            _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in pending:
                wait.cancel()


