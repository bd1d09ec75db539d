"""The link between one client and the broker: a relay that can be told to cut, to freeze or to refuse."""

from __future__ import annotations

import asyncio

from broker import Address, Broker

READ_BYTES = 1 << 16


class Link:
    """Forwards bytes both ways between whoever dials it and the broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._flows = asyncio.Event()
        self._flows.set()
        self._is_cut = False
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._kept: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self.address: Address = ("", 0)

    async def open(self) -> None:
        """Begins to listen, on a free port."""
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0, limit=READ_BYTES)
        host, port = self._server.sockets[0].getsockname()
        self.address = (host, port)

    def restore(self) -> None:
        """Lets bytes pass, and connections be made."""
        self._is_cut = False
        self._flows.set()

    def freeze(self) -> None:
        """Holds back all bytes, both ways."""
        self._flows.clear()

    def cut(self, unnoticed_by_broker: bool) -> None:
        """Ends all connections, on the broker's side only if it may notice, and refuses new ones."""
        self._is_cut = True
        for client, broker in list(self._pairs):
            client.transport.abort()
            if unnoticed_by_broker:
                self._kept.append(broker)
            else:
                broker.transport.abort()

    def close(self) -> None:
        """Ends the link."""
        self.cut(unnoticed_by_broker=False)
        for writer in self._kept:
            writer.transport.abort()
        if self._server is not None:
            self._server.close()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        place = self._broker.address
        if self._is_cut or place is None:
            return writer.transport.abort()
        try:
            from_broker, to_broker = await asyncio.open_connection(*place, limit=READ_BYTES)
        except OSError:
            return writer.transport.abort()
        pair = (writer, to_broker)
        self._pairs.add(pair)
        try:
            await asyncio.gather(self._forward(reader, to_broker), self._forward(from_broker, writer))
        except (OSError, asyncio.CancelledError):
            """One of the two has ended, or the scenario."""
        finally:
            self._pairs.discard(pair)
            writer.transport.abort()
            if to_broker not in self._kept:
                to_broker.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await self._flows.wait()
            data = await reader.read(READ_BYTES)
            await self._flows.wait()
            if not data:
                # One side has ended: so does the connection, after what is on its way.
                raise ConnectionResetError
            writer.write(data)
            await writer.drain()
