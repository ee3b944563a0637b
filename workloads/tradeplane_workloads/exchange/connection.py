"""One WebSocket: what waits for the client is sent as fast as it reads; what it asks for is done."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from aiohttp import WSCloseCode, WSMsgType, web

from tradeplane_workloads.exchange.hub import Listener
from tradeplane_workloads.exchange.subscriptions import MAX_MESSAGE_BYTES, Pace, Subscriptions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HEARTBEAT_S = 20.0
"""A ping is sent so often; a client that does not answer within half of it is gone."""
CLOSE_S = 0.5
"""How long a client has to say good-bye."""


class Connection:
    """A client that listens."""

    def __init__(self, subscriptions: Subscriptions, now_ms: Callable[[], int]) -> None:
        self._subscriptions = subscriptions
        self._now_ms = now_ms

    async def serve(self, request: web.Request, names: Sequence[str], *, is_combined: bool) -> web.StreamResponse:
        """Serve a client until it goes, or is cut off."""
        listener = Listener(is_combined)
        wrong = self._subscriptions.add(listener, names)
        if wrong is not None:
            return web.json_response({"code": 2, "msg": wrong}, status=400)
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MAX_MESSAGE_BYTES, timeout=CLOSE_S)
        self._subscriptions.hub.join(listener)
        tasks: list[asyncio.Task[None]] = []
        try:
            await socket.prepare(request)
            tasks = [asyncio.create_task(self._send(socket, listener))]
            tasks += [asyncio.create_task(self._end(socket, request, listener))]
            await self._receive(socket, listener)
        finally:
            self._subscriptions.hub.leave(listener)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return socket

    async def _receive(self, socket: web.WebSocketResponse, listener: Listener) -> None:
        pace = Pace()
        async for message in socket:
            if message.type is not WSMsgType.TEXT or not pace.is_kept(self._now_ms()):
                await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"text, at most 10 messages a second")
                return
            listener.push(self._subscriptions.answer(listener, message.data))

    async def _send(self, socket: web.WebSocketResponse, listener: Listener) -> None:
        with contextlib.suppress(ConnectionError):  # the client is gone, which receiving tells as well
            while True:
                text = listener.take()
                if text is None:
                    await listener.ready.wait()
                else:
                    await socket.send_str(text)

    async def _end(self, socket: web.WebSocketResponse, request: web.Request, listener: Listener) -> None:
        """End the connection when it is cut off, whatever sending is doing: it may wait for the client for ever."""
        await listener.ended.wait()
        if not listener.is_abrupt:
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(CLOSE_S):
                    await socket.close(code=WSCloseCode.GOING_AWAY, message=(listener.cut or "").encode())
        if request.transport is not None:
            request.transport.abort()
