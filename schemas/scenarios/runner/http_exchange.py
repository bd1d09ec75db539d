"""One HTTP/1.1 exchange on a connection of its own, with nothing but a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from broker import Address

Headers = dict[str, str]

#: Bytes of the longest line.
LONGEST_LINE = 8 << 20


class Exchange:
    """A request that was sent, and its answer as far as it came."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.status = 0
        self.headers: Headers = {}

    @staticmethod
    async def send(address: Address, method: str, target: str, headers: Headers, body: bytes = b"") -> Exchange:
        """Sends a request."""
        reader, writer = await asyncio.open_connection(*address, limit=LONGEST_LINE)
        fields = {"Host": f"{address[0]}:{address[1]}", "Connection": "close", **headers}
        if method == "POST":
            fields["Content-Length"] = str(len(body))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body)
        await writer.drain()
        return Exchange(reader, writer)

    async def read_head(self) -> None:
        """Reads the status and the headers of the answer."""
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        for line in filter(None, lines[1:]):
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()

    async def body(self) -> bytes:
        """Reads the whole body."""
        return b"".join([part async for part in self._parts()])

    async def lines(self) -> AsyncIterator[str]:
        """Reads the body line by line, as it comes."""
        rest = b""
        async for part in self._parts():
            *whole, rest = (rest + part).split(b"\n")
            for line in whole:
                yield line.decode().rstrip("\r")

    def close(self) -> None:
        """Goes away."""
        self._writer.transport.abort()

    async def _parts(self) -> AsyncIterator[bytes]:
        if self.headers.get("transfer-encoding") != "chunked":
            length = int(self.headers.get("content-length", "0"))
            yield await self._reader.readexactly(length)
            return
        while size := int(await self._reader.readline(), 16):
            yield await self._reader.readexactly(size)
            await self._reader.readline()
