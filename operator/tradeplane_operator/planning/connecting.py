"""What a Strategy needs to know of the BrokerConnection it names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradeplane_api.broker_connection import BrokerConnectionSpec, BrokerType, endpoint_of

from tradeplane_operator.planning.conditions import Standing, Verdict
from tradeplane_operator.planning.documents import UnreadableSpec, read_spec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.venue import Endpoint

_BINANCE = "binance.com"


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """A BrokerConnection as a Strategy sees it. ``reason`` and ``message``: of its Ready, where it speaks of its spec.

    ``spec`` is None where this operator cannot read it.
    """

    spec: BrokerConnectionSpec | None
    endpoint: Endpoint | None = None
    ready: bool = False
    reason: str = ""
    message: str = ""


def connection_view(resource: Mapping[str, Any]) -> ConnectionView:
    """Return what a Strategy needs to know of a BrokerConnection; conditions of an older generation do not count."""
    metadata, status = resource["metadata"], resource.get("status") or {}
    current = status.get("observedGeneration") == metadata.get("generation")
    conditions = status.get("conditions") or () if current else ()
    said: Mapping[str, str] = next((each for each in conditions if each["type"] == "Ready"), {})
    try:
        spec = read_spec(BrokerConnectionSpec, resource)
    except UnreadableSpec as error:
        return ConnectionView(spec=None, reason="InvalidSpec", message=str(error))
    return ConnectionView(
        spec=spec,
        endpoint=endpoint_of(spec, metadata["name"], metadata["namespace"]),
        ready=said.get("status") == "True" and not metadata.get("deletionTimestamp"),
        reason=said.get("reason", ""),
        message=said.get("message", ""),
    )


def connection_unusable(name: str, view: ConnectionView | None) -> Verdict | None:
    """Return why a session cannot be begun at a connection, or None.

    Nothing of ours sends an order to a real venue, whatever the connection says of itself.
    """
    if view is None:
        message = (
            f"spec.connectionRef: there is no BrokerConnection {name!r} in this namespace; trading starts once there is"
        )
        return Verdict(Standing.WORKING, "WaitingForConnection", message)
    if view.spec is not None and (view.spec.type is not BrokerType.SIMULATED or _real(view.endpoint)):
        message = (
            f"spec.connectionRef: BrokerConnection {name!r} is one to Binance, where orders are not sent; "
            "name one of type Simulated, at an exchange that simulates"
        )
        return Verdict(Standing.STALLED, "OrderEntryRefused", message)
    if not view.ready or view.spec is None:
        because = f"{view.reason}: {view.message}" if view.reason else "not tried yet"
        message = f"spec.connectionRef: BrokerConnection {name!r} is not ready: {because}; trading starts once it is"
        return Verdict(Standing.WORKING, "WaitingForConnection", message)
    return None


def _real(endpoint: Endpoint | None) -> bool:
    """Return whether an endpoint is Binance's own."""
    return endpoint is not None and any(
        _host(url) == _BINANCE or _host(url).endswith(f".{_BINANCE}") for url in (endpoint.rest, endpoint.stream)
    )


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].partition(":")[0].lower().rstrip(".")
