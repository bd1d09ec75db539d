"""Plays the scenarios over every road without an SDK, against the real broker.

Usage: python3 schemas/scenarios/runner [--broker PATH] [--road ROAD | --sdk PROGRAM] [--least N] [SCENARIO...]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import traceback

from actor import Failed
from player import play
from scenario import Scenario, load
from wire import WIRES

ROADS = (*WIRES, "http")
#: Scenarios that are played side by side.
USUAL_JOBS = 4


async def main() -> int:
    """Plays what the arguments ask for. Returns the exit code."""
    arguments = _arguments()
    scenarios = load(arguments.scenario)
    roads = [arguments.road] if arguments.road else list(ROADS)
    if arguments.sdk:
        roads = ["sdk"]
    room = asyncio.Semaphore(arguments.jobs)
    code = 0
    for road in roads:
        against = {scenario.name: scenario.reason_against(road) for scenario in scenarios}
        playable = [scenario for scenario in scenarios if against[scenario.name] is None]
        for name, reason in against.items():
            if reason is not None:
                print(f"{road}::{name}: not played. {reason}")
        played = await asyncio.gather(*(_play(each, arguments, road, room) for each in playable))
        print(f"{road}: {sum(played)} of {len(playable)} passed, {len(scenarios) - len(playable)} not played", flush=True)
        if sum(played) != len(playable):
            code = 1
        if sum(played) < arguments.least:
            print(f"{road}: fewer than {arguments.least} scenarios passed", file=sys.stderr)
            code = 1
    return code


async def _play(scenario: Scenario, arguments: argparse.Namespace, road: str, room: asyncio.Semaphore) -> bool:
    async with room:
        try:
            over_http = await play(scenario, arguments.broker, road, arguments.sdk)
        except Exception as error:
            said = str(error) if isinstance(error, Failed) else traceback.format_exc()
            print(f"{road}::{scenario.name}: FAILED, {scenario.document['promise']}\n    {said}", flush=True)
            return False
        note = f" ({', '.join(sorted(over_http))} over HTTP)" if over_http else ""
        print(f"{road}::{scenario.name}: ok{note}", flush=True)
        return True


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="runner", description="Plays the scenarios over every road without an SDK.")
    found = os.environ.get("BUSLANE_BROKER") or shutil.which("buslane")
    parser.add_argument("--broker", default=found, help="the binary; default: BUSLANE_BROKER, else buslane on the PATH")
    parser.add_argument("--road", choices=ROADS, help="default: one after the other")
    parser.add_argument("--sdk", help="a program that plays the clients over an SDK, instead of the roads without one")
    parser.add_argument("--least", type=int, default=0, help="how many have to pass on each road at the least")
    parser.add_argument("--jobs", type=int, default=USUAL_JOBS, help="how many are played side by side")
    parser.add_argument("scenario", nargs="*", help="names of scenarios; default: all")
    arguments = parser.parse_args()
    if arguments.broker is None:
        parser.error("no broker: name its binary with --broker or BUSLANE_BROKER")
    return arguments


if __name__ == "__main__":
    if sys.version_info < (3, 11):
        sys.exit("the runner needs Python 3.11 or later")
    sys.exit(asyncio.run(main()))
