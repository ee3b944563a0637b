"""What a session is begun with: which part of a spec asks for another one, and what is pinned when it begins.

What it is told stands in the status in full. A session is closed as it was begun, by the same image at the same
endpoint, whatever has become of the spec, the settings and the connection since.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from tradeplane_api.paper import PaperSpecification
from tradeplane_api.run import MAX_SPECIFICATION_BYTES
from tradeplane_api.session import ClosingStatus, SessionState, SessionStatus
from tradeplane_api.simulation import Simulation

from tradeplane_operator.planning.asking import image_of
from tradeplane_operator.planning.paper_names import closing_name
from tradeplane_operator.planning.work import SpecificationTooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tradeplane_api.paper import Closing
    from tradeplane_api.strategy import StrategySpec

    from tradeplane_operator.planning.connecting import ConnectionView
    from tradeplane_operator.settings import Settings

_SIMULATION = set(Simulation.model_fields)


def session_asked(spec: StrategySpec) -> str:
    """Return a digest of what a spec of mode Paper asks to be traded: simulation, symbols, connection and image."""
    assert spec.session is not None  # noqa: S101 - a rule of the spec for mode Paper
    assert spec.connection_ref is not None  # noqa: S101 - likewise
    asked = {
        "simulation": spec.model_dump(mode="json", by_alias=True, include=_SIMULATION),
        "symbols": list(spec.session.symbols),
        "connection": spec.connection_ref.name,
        "image": spec.image,
    }
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def begun(
    metadata: Mapping[str, Any],
    spec: StrategySpec,
    view: ConnectionView,
    before: SessionStatus | None,
    settings: Settings,
) -> SessionStatus:
    """Return the record of a session that begins; of the one before, the number of its closing is carried on.

    Raises SpecificationTooLarge.
    """
    assert spec.session is not None  # noqa: S101 - a rule of the spec for mode Paper
    assert spec.connection_ref is not None  # noqa: S101 - likewise
    assert view.endpoint is not None  # noqa: S101 - the connection is ready, and was read
    return SessionStatus(
        state=SessionState.TRADING,
        generation=metadata["generation"],
        asked=session_asked(spec),
        connection=spec.connection_ref.name,
        endpoint=view.endpoint,
        image=image_of(spec, settings),
        store=spec.store,
        volume=spec.session.volume if before is None else before.volume,
        on_suspend=spec.session.on_suspend,
        closing_seconds=spec.session.closing_seconds,
        specification=_specification(metadata, spec, view),
        closing=None if before is None else before.closing,
    )


def _specification(metadata: Mapping[str, Any], spec: StrategySpec, view: ConnectionView) -> str:
    assert spec.session is not None  # noqa: S101 - begun() has seen it
    assert view.spec is not None  # noqa: S101 - the connection is ready, and was read
    assert view.endpoint is not None  # noqa: S101 - likewise
    secret = view.spec.credentials_secret_ref
    specification = PaperSpecification(
        trader=metadata["uid"],
        market=view.spec.market,
        endpoint=view.endpoint,
        rate_limits=view.spec.rate_limits,
        secret=None if secret is None else secret.name,
        symbols=spec.session.symbols,
        simulation=Simulation.model_construct(**{name: getattr(spec, name) for name in _SIMULATION}),
    )
    text = specification.model_dump_json(exclude_none=True)
    size = len(text.encode())
    if size > MAX_SPECIFICATION_BYTES:
        raise SpecificationTooLarge(
            f"the trader's specification has {size} bytes and may have {MAX_SPECIFICATION_BYTES}; "
            "make spec.algorithm.parameters smaller"
        )
    return text


def closing_begun(
    metadata: Mapping[str, Any], session: SessionStatus, way: Closing, because: str, now: str
) -> SessionStatus:
    """Return the record of a session whose closing begins; what an earlier closing found is forgotten."""
    number = 1 if session.closing is None else session.closing.number + 1
    generation = int(metadata["generation"])
    closing = ClosingStatus(
        name=closing_name(metadata["name"], metadata["uid"], number, generation),
        number=number,
        generation=generation,
        way=way,
        within_seconds=session.closing_seconds,
        because=because,
        start_time=now,
    )
    kept = session.model_dump(include=_KEPT)
    return SessionStatus.model_validate({**kept, "state": SessionState.CLOSING, "closing": closing})


_KEPT = {
    "generation",
    "asked",
    "connection",
    "endpoint",
    "image",
    "store",
    "volume",
    "on_suspend",
    "closing_seconds",
    "specification",
    "pod",
    "trading_since",
}
"""What a session's record says of the session itself, rather than of how a closing ended."""


def resumed(session: SessionStatus) -> SessionStatus:
    """Return the record of a session that goes on after a closing that left something."""
    kept = session.model_dump(include=_KEPT | {"closing"})
    return SessionStatus.model_validate({**kept, "state": SessionState.TRADING})
