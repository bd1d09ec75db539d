"""Connections that carry whole messages: JSON lines and binary frames on a socket, and both on a WebSocket."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
from abc import ABC, abstractmethod
from collections import deque

import envelope
import frames
from broker import Address
from matcher import JsonObject

#: Bytes of the longest message.
LONGEST = 8 << 20
PREAMBLE = b"\xb5BUS\x01\x01\x00\x00"


class Wire(ABC):
    """An open connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @abstractmethod
    async def begin(self) -> None:
        """Does what comes before the first message."""

    @abstractmethod
    def send(self, message: JsonObject) -> None:
        """Writes a message."""

    @abstractmethod
    async def receive(self) -> JsonObject:
        """Reads the next message. Raises `IncompleteReadError` at the end."""

    async def drain(self) -> None:
        """Waits until what was written is on its way."""
        await self._writer.drain()

    def close(self) -> None:
        """Ends the connection after what was written."""
        self._writer.close()

    def abort(self) -> None:
        """Ends the connection at once."""
        self._writer.transport.abort()


class Lines(Wire):
    """JSON lines on a socket."""

    async def begin(self) -> None:
        """Nothing comes before the first line."""

    def send(self, message: JsonObject) -> None:
        self._writer.write(envelope.line(message))

    async def receive(self) -> JsonObject:
        return envelope.parse((await self._reader.readuntil(b"\n")).decode())


class Frames(Wire):
    """Binary frames on a socket."""

    async def begin(self) -> None:
        self._writer.write(PREAMBLE)
        answer = await self._reader.readexactly(len(PREAMBLE))
        if answer != PREAMBLE:
            raise ConnectionError(f"the preamble was answered by {answer.hex()}")

    def send(self, message: JsonObject) -> None:
        self._writer.write(frames.encode(message, "client"))

    async def receive(self) -> JsonObject:
        start = await self._reader.readexactly(frames.LENGTH_BYTES)
        rest = (frames.length(start) or 0) - len(start)
        return read_frame(start + await self._reader.readexactly(rest))


class WebSocket(Wire):
    """A WebSocket (RFC 6455), as far as a client of this broker needs one."""

    subprotocol = "buslane.json.v1"
    opcode = 1

    async def begin(self) -> None:
        host, port = self._writer.get_extra_info("peername")[:2]
        key = base64.b64encode(os.urandom(16)).decode()
        head = [
            "GET /ws HTTP/1.1",
            f"Host: {host}:{port}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
            f"Sec-WebSocket-Protocol: {self.subprotocol}",
        ]
        self._writer.write("\r\n".join([*head, "", ""]).encode())
        answer = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        if not answer.startswith("http/1.1 101 ") or f"sec-websocket-protocol: {self.subprotocol}\r\n" not in answer:
            raise ConnectionError(f"the upgrade was answered by {answer.splitlines()[0]}")

    def send(self, message: JsonObject) -> None:
        self._write(self.opcode, envelope.line(message)[:-1])

    async def receive(self) -> JsonObject:
        return envelope.parse((await self._next()).decode())

    async def _next(self) -> bytes:
        """Reads a message, and answers pings that come before it."""
        message = b""
        while True:
            first, second = await self._reader.readexactly(2)
            size = second & 0x7F
            if size >= 126:
                size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8), "big")
            payload = await self._reader.readexactly(size)
            opcode = first & 0x0F
            if opcode == CLOSE:
                raise asyncio.IncompleteReadError(payload, None)
            if opcode == PING:
                self._write(PONG, payload)
            elif opcode in (CONTINUATION, self.opcode):
                message += payload
                if first & FINAL:
                    return message

    def _write(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        if size < 126:
            head = struct.pack(">BB", FINAL | opcode, MASKED | size)
        elif size < 1 << 16:
            head = struct.pack(">BBH", FINAL | opcode, MASKED | 126, size)
        else:
            head = struct.pack(">BBQ", FINAL | opcode, MASKED | 127, size)
        mask = os.urandom(4)
        pad = (mask * (size // 4 + 1))[:size]
        masked = int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")
        self._writer.write(head + mask + masked.to_bytes(size, "big"))


class WebSocketFrames(WebSocket):
    """Binary frames on a WebSocket, of which one message may hold several."""

    subprotocol = "buslane.bin.v1"
    opcode = 2

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        self._frames: deque[bytes] = deque()

    def send(self, message: JsonObject) -> None:
        self._write(self.opcode, frames.encode(message, "client"))

    async def receive(self) -> JsonObject:
        while not self._frames:
            rest = await self._next()
            while rest:
                size = frames.length(rest) or len(rest)
                self._frames.append(rest[:size])
                rest = rest[size:]
        return read_frame(self._frames.popleft())


#: The roads on which a client has a connection of its own.
WIRES: dict[str, type[Wire]] = {
    "lines": Lines,
    "frames": Frames,
    "websocket": WebSocket,
    "websocket-frames": WebSocketFrames,
}


async def dial(road: str, address: Address) -> Wire:
    """Opens a connection."""
    wire = WIRES[road](*await asyncio.open_connection(*address, limit=LONGEST))
    try:
        await wire.begin()
    except BaseException:
        wire.abort()
        raise
    return wire


def read_frame(frame: bytes) -> JsonObject:
    """Reads a frame of the broker as the message that its JSON text would be."""
    message = frames.decode(frame, "broker")
    if "text" in message:
        return envelope.parse(message["text"].decode())
    if "payload_text" in message:
        message["payload"] = json.loads(message["payload_text"])
    return message


FINAL, MASKED = 0x80, 0x80
CONTINUATION, CLOSE, PING, PONG = 0, 8, 9, 10
