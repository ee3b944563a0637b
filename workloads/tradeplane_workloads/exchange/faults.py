"""Faults on purpose: what goes wrong with which message or request, so that those who trade can be tested.

There are none unless a specification asks for them. Messages of a channel are counted over all connections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_api.exchange import FaultChannel, FaultKind

from tradeplane_workloads.exchange.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tradeplane_api.exchange import Fault

    from tradeplane_workloads.exchange.hub import Listener

    Later = Callable[[float, Callable[[], None]], object]

GARBAGE = '{"e":"depthUpdate","U":'
"""What is no JSON, and looks as if it were cut off."""


class FaultPlan:
    """The faults of a specification, and how far they have come. ``later`` calls something after some seconds."""

    def __init__(self, faults: Sequence[Fault], later: Later) -> None:
        self._faults = {channel: [one for one in faults if one.channel is channel] for channel in FaultChannel}
        self._seen = dict.fromkeys(FaultChannel, 0)
        self._later = later
        self._held: dict[tuple[FaultChannel, Listener], list[str]] = {}
        self._stalled: dict[Listener, list[str]] = {}

    def market(self, listener: Listener, text: str) -> None:
        """Send a message of the market, or do to it what is to be done."""
        self._message(FaultChannel.MARKET, listener, text)

    def user(self, listener: Listener, text: str) -> None:
        """Send a message about an account, or do to it what is to be done."""
        self._message(FaultChannel.USER, listener, text)

    def request(self) -> Fault | None:
        """Return what is to happen to a request. Raises Refusal where it is refused."""
        fault = self._next(FaultChannel.REQUEST)
        if fault is not None and fault.kind in (FaultKind.RATE_LIMITED, FaultKind.BANNED):
            status = 429 if fault.kind is FaultKind.RATE_LIMITED else 418
            raise Refusal(-1003, "Too many requests, on purpose.", status, -(-fault.milliseconds // 1_000))
        return fault

    def _next(self, channel: FaultChannel) -> Fault | None:
        if not self._faults[channel]:
            return None
        number = self._seen[channel]
        self._seen[channel] = number + 1
        hits = (one for one in self._faults[channel] if one.after <= number < one.after + one.count)
        return next(hits, None)

    def _message(self, channel: FaultChannel, listener: Listener, text: str) -> None:
        fault = self._next(channel)
        stalled = self._stalled.get(listener)
        if stalled is not None:
            stalled.append(text)
            return
        if fault is None:
            self._send(channel, listener, text)
        elif fault.kind is FaultKind.DROP:
            listener.cut_off("it is dropped on purpose")
        elif fault.kind is FaultKind.STALL:
            self._stalled[listener] = [text]
            self._later(fault.milliseconds / 1_000, lambda: self._go_on(listener))
        elif fault.kind is FaultKind.REORDER:
            self._held.setdefault((channel, listener), []).append(text)
        else:
            first = GARBAGE if fault.kind is FaultKind.GARBAGE else text
            self._send(channel, listener, first)
            if fault.kind is FaultKind.DOUBLE:
                listener.push(text)

    def _send(self, channel: FaultChannel, listener: Listener, text: str) -> None:
        listener.push(text)
        for held in self._held.pop((channel, listener), ()):
            listener.push(held)

    def _go_on(self, listener: Listener) -> None:
        for text in self._stalled.pop(listener, ()):
            listener.push(text)
