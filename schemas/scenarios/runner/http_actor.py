"""A client that calls, publishes and subscribes over HTTP. Each exchange is a client of its own to the broker."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import defaultdict
from urllib.parse import quote, urlencode

import envelope
from actor import Actor, check_receivers
from broker import Address, Broker
from connection import Refused
from envelope import Item
from http_exchange import Exchange, Headers
from inbox import Inbox
from matcher import JsonObject

API = "/api/v1"
#: Headers that have their own name in HTTP.
SAME_NAME = ("traceparent", "tracestate")


class HttpActor(Actor):
    """A program that uses the HTTP API under one name."""

    def __init__(self, label: str, broker: Broker) -> None:
        self._label, self._broker = label, broker
        self._inboxes: dict[tuple[str, str], Inbox] = defaultdict(Inbox)
        self._running: dict[tuple[str, str], list[tuple[asyncio.Task[None], Exchange]]] = defaultdict(list)

    async def act(self, step: JsonObject) -> None:
        await getattr(self, f"_do_{step['do']}")(step)

    def inbox(self, step: JsonObject) -> Inbox:
        place = ("subscription", step["on"]) if "on" in step else ("request", step["of"])
        return self._inboxes[place]

    async def left_over(self) -> list[str]:
        return [f"{place} has {inbox.items[0]}" for place, inbox in self._inboxes.items() if inbox.items]

    async def stop(self) -> None:
        for place in list(self._running):
            self._abandon(place)

    async def _do_publish(self, step: JsonObject) -> None:
        query: JsonObject = {name: step[name] for name in ("retain", "retain_ms") if name in step}
        if not ("receivers" in step or "fails" in step):
            query["ack"] = "false"
        headers, body = self._outgoing(step)
        for _ in range(step.get("repeat", 1)):
            target = f"{API}/publish/{quote(step['topic'], safe='')}?{urlencode(query)}"
            exchange = await Exchange.send(self._address(), "POST", target, headers, body)
            await exchange.read_head()
            answer = await exchange.body()
            exchange.close()
            if exchange.status >= 400:
                raise Refused(json.loads(answer))
            check_receivers(step, json.loads(answer or b"{}"))

    async def _do_request(self, step: JsonObject) -> None:
        to = step["to"]
        several = [to] if isinstance(to, str) else to
        query = [("to", address) for address in several]
        if "expires_in_ms" in step:
            bound = step["expires_in_ms"]
            query.append(("timeout", "none" if bound is None else str(bound)))
        if step.get("stream"):
            query.append(("stream", "true"))
        headers, body = self._outgoing(step)
        place = ("request", step["as"])
        for _ in range(step.get("repeat", 1)):
            target = f"{API}/request?{urlencode(query)}"
            exchange = await Exchange.send(self._address(), "POST", target, headers, body)
            task = asyncio.create_task(_collect(exchange, self._inboxes[place]))
            self._running[place].append((task, exchange))

    async def _do_cancel(self, step: JsonObject) -> None:
        place = ("request", step["request"])
        self._abandon(place)
        self._inboxes.pop(place, None)

    async def _do_subscribe(self, step: JsonObject) -> None:
        query: JsonObject = {name: step[name] for name in ("filter", "shared", "overflow") if name in step}
        target = f"{API}/subscribe?{urlencode(query)}"
        exchange = await Exchange.send(self._address(), "GET", target, {"Buslane-Name": self._label})
        await exchange.read_head()
        if exchange.status >= 400:
            raise Refused(json.loads(await exchange.body()))
        place = ("subscription", step["as"])
        task = asyncio.create_task(_listen(exchange, self._inboxes[place]))
        self._running[place].append((task, exchange))

    async def _do_flush(self, step: JsonObject) -> None:
        """Every exchange was answered before the next step began."""

    def _address(self) -> Address:
        assert self._broker.address is not None, "a scenario without a broker is not played over HTTP"
        return self._broker.address

    def _abandon(self, place: tuple[str, str]) -> None:
        for task, exchange in self._running.pop(place, []):
            task.cancel()
            exchange.close()

    def _outgoing(self, step: JsonObject) -> tuple[Headers, bytes]:
        headers = {"Buslane-Name": self._label}
        for name, value in step.get("headers", {}).items():
            headers[name if name in SAME_NAME else f"Buslane-Header-{name}"] = value
        for name, value in step.get("content", {}).items():
            headers[f"Buslane-{name.replace('_', '-')}"] = str(value)
        if "content_type" in step:
            headers["Content-Type"] = step["content_type"]
        carried = envelope.carried(step)
        if carried.get("encoding") == "base64":
            return headers, base64.b64decode(carried["payload"])
        if "payload_text" in carried:
            return headers, carried["payload_text"].encode()
        return headers, json.dumps(carried["payload"]).encode() if "payload" in carried else b""


async def _collect(exchange: Exchange, inbox: Inbox) -> None:
    """Puts what comes of a request into its queue."""
    await exchange.read_head()
    if exchange.status >= 400:
        inbox.put({"expect": "error", "error": json.loads(await exchange.body()), "from": None})
    elif exchange.headers.get("content-type", "").startswith("application/x-ndjson"):
        async for line in exchange.lines():
            if line:
                inbox.put(envelope.outcome(envelope.parse(line)))
    else:
        inbox.put(_reply(exchange.headers, await exchange.body()))
    exchange.close()


async def _listen(exchange: Exchange, inbox: Inbox) -> None:
    """Puts the events of a feed into its queue."""
    kind, data = "", ""
    async for line in exchange.lines():
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            data = value
        elif line == "" and data:
            message = envelope.parse(data)
            if kind == "delivery":
                inbox.put(envelope.item("delivery", message))
            elif kind == "gap":
                inbox.put({"expect": "gap", "count": message.get("count", 0), "unknown": message.get("unknown", False)})
            kind, data = "", ""


def _reply(headers: Headers, body: bytes) -> Item:
    message: JsonObject = {"headers": _message_headers(headers), "from": headers.get("buslane-from")}
    for name in envelope.CONTENT:
        value = headers.get(f"buslane-{name.replace('_', '-')}")
        if value is not None:
            message[name] = int(value) if name in ("sent_at", "attempts", "status") else value
    content_type = headers.get("content-type")
    if content_type is not None:
        message["content_type"] = content_type
    if body and (content_type is None or _is_json(content_type)):
        message.update(payload=json.loads(body), payload_text=body.decode())
    elif body:
        message.update(payload=envelope.to_base64(body), encoding="base64")
    return envelope.item("reply", message)


def _message_headers(headers: Headers) -> Headers:
    prefix = "buslane-header-"
    own = {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}
    return own | {name: headers[name] for name in SAME_NAME if name in headers}


def _is_json(content_type: str) -> bool:
    media = content_type.partition(";")[0].strip()
    return media == "application/json" or media.endswith("+json")
