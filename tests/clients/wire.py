"""Between a client and the server; it can be cut, as when a laptop leaves its network."""

import asyncio
import contextlib


class Wire:
    """`there`: (address, port) of the server. `here`: where clients connect, (address, port) or the path of a socket file."""

    def __init__(self, there, here):
        self._there, self._here, self._server = there, here, None
        self._passes = asyncio.Event()
        self._writers, self._tasks = set(), set()
        self.connections = 0  # so far

    async def opens(self):
        self._passes.set()
        if self._server is None and isinstance(self._here, tuple):
            self._server = await asyncio.start_server(self._accept, *self._here)
        elif self._server is None:
            self._server = await asyncio.start_unix_server(self._accept, str(self._here))

    async def _accept(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        ends = {writer}
        try:
            await self._passes.wait()
            there, back = await asyncio.open_connection(*self._there)
            ends.add(back)
            self.connections += 1
            self._writers |= ends
            pumps = [asyncio.create_task(self._pump(*pair)) for pair in ((reader, back), (there, writer))]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            pass  # no server: the client sees its connection end
        finally:
            for end in ends:
                end.transport.abort()
            self._writers -= ends
            self._tasks.discard(asyncio.current_task())

    @staticmethod
    async def _pump(reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()

    def cuts(self):
        """Every connection is gone without a goodbye; new ones get no answer until opens()."""
        self._passes.clear()
        for end in list(self._writers):
            end.transport.abort()

    async def closes(self):
        self.cuts()
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
