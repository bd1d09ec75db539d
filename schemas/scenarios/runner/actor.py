"""What every kind of client has to be able to do for a scenario."""

from __future__ import annotations

from abc import ABC, abstractmethod

from envelope import Item
from inbox import Inbox
from matcher import ABSENT, JsonObject, matches


class Failed(Exception):
    """Something that is not as the scenario wants it."""


class Actor(ABC):
    """A client of a scenario."""

    @abstractmethod
    async def act(self, step: JsonObject) -> None:
        """Does what a step says, until it is done as the format defines. Raises `Refused` if it is refused."""

    @abstractmethod
    def inbox(self, step: JsonObject) -> Inbox:
        """Returns the queue from which an expectation takes."""

    @abstractmethod
    async def left_over(self) -> list[str]:
        """Finds what came and was not expected."""

    @abstractmethod
    async def stop(self) -> None:
        """Takes the client away."""

    async def state(self, wanted: str) -> Item:
        """Waits until the connection stands so."""
        raise Failed(f"this client has no connection that could be {wanted}")

    def taken(self, step: JsonObject, item: Item) -> None:
        """Takes note that the program has taken something."""


def check_receivers(step: JsonObject, answer: JsonObject) -> None:
    """Holds the acknowledgement of a publish against what is expected."""
    if "receivers" in step and not matches(step["receivers"], answer.get("receivers", ABSENT)):
        raise Failed(f"receivers: expected {step['receivers']}, found {answer}")
