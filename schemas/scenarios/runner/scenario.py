"""Reads scenarios, and says who takes part over which road."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from matcher import JsonObject

#: The folder of the scenarios: the one above this program.
FOLDER = Path(__file__).resolve().parent.parent

#: What a client may do and expect over HTTP; one that needs more speaks JSON lines.
HTTP_ACTIONS = {"publish", "request", "cancel", "subscribe", "flush"}
HTTP_EXPECTATIONS = {"reply", "error", "chunk", "end", "delivery", "gap"}


@dataclass(frozen=True)
class Scenario:
    """One file."""

    name: str
    document: JsonObject

    @property
    def clients(self) -> list[str]:
        """Returns the labels of those who take part."""
        return list(self.document["clients"])

    def reason_against(self, road: str) -> str | None:
        """Says why the scenario cannot be played over a road."""
        kind = road if road in ("http", "sdk") else "lines"
        reason: str | None = self.document.get("not_over", {}).get(kind)
        return reason

    def is_marked(self, mark: str, label: str) -> bool:
        """Tells whether a client is among those of `unconnected` or `by_hand`."""
        return label in self.document.get(mark, [])

    def over_http(self) -> set[str]:
        """Finds the clients that can be played over HTTP."""
        apart = {*self.document.get("unconnected", []), *self.document.get("by_hand", [])}
        return {label for label in self.clients if label not in apart and self._fits_http(label)}

    def _fits_http(self, label: str) -> bool:
        steps = [step for step in self._flat_steps() if step.get("client") == label]
        return bool(steps) and all(map(_fits_http, steps))

    def _flat_steps(self) -> list[JsonObject]:
        flat: list[JsonObject] = []
        for step in self.document["steps"]:
            flat.extend(step.get("any_order", [step]))
        return flat


def load(names: list[str]) -> list[Scenario]:
    """Reads the scenarios of these names, or all of them, in the order of their names."""
    paths = sorted(path for path in FOLDER.glob("*.json") if _is_scenario(path))
    scenarios = [Scenario(path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in paths]
    unknown = set(names) - {scenario.name for scenario in scenarios}
    if unknown:
        raise SystemExit(f"there is no scenario {', '.join(sorted(unknown))} in {FOLDER}")
    return [scenario for scenario in scenarios if not names or scenario.name in names]


def _is_scenario(path: Path) -> bool:
    return not path.name.endswith(".schema.json") and path.name != "index.json"


def _fits_http(step: JsonObject) -> bool:
    if "expect" in step:
        return step["expect"] in HTTP_EXPECTATIONS
    return step["do"] in HTTP_ACTIONS and not step.get("exclude_self") and "credit" not in step
