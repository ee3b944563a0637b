"""Having a trader: its StatefulSet is as the record of its session wants it, and what is said while it is not ready."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tradeplane_api.paper import Closing

from tradeplane_operator.planning.applied import is_as_wanted, marked
from tradeplane_operator.planning.conditions import Standing, Verdict, shorten
from tradeplane_operator.planning.paper_closing import begin_closing
from tradeplane_operator.planning.paper_draft import AGAIN
from tradeplane_operator.planning.paper_names import pod_name
from tradeplane_operator.planning.paper_pods import build_trader
from tradeplane_operator.planning.times import parse_rfc3339, rfc3339
from tradeplane_operator.planning.trading import why_not_trading
from tradeplane_operator.planning.wanted import Fact, Need

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.session import SessionStatus

    from tradeplane_operator.planning.paper_draft import Draft

_BECAUSE = 256


def want_trader(draft: Draft, session: SessionStatus) -> None:
    """Want the trader of a session, and say how it is."""
    found = draft.observed.sets.get(draft.trader)
    manifest = marked(build_trader(draft.metadata, session, draft.placement, draft.settings, replicas=1))
    if not is_as_wanted(manifest, found):
        _start(draft, manifest, new=found is None or found.wanted == 0)
        return
    assert found is not None  # noqa: S101 - is_as_wanted() said so
    if found.running and not found.deleting:
        _trades(draft, session)
        _seal_when_due(draft)
        return
    pods = draft.observed.pods.get(draft.trader)
    if pods is None:
        draft.needs.append(Need(Fact.PODS, draft.trader))
        return
    draft.say(why_not_trading(session, pods, draft.observed.connection))
    draft.look.append(draft.now + timedelta(seconds=draft.settings.pace.pod_again_seconds))


def _start(draft: Draft, manifest: Mapping[str, Any], *, new: bool) -> None:
    """Have the trader's StatefulSet made like its manifest, once nothing of a closing is left beside it."""
    draft.say(Verdict(Standing.WORKING, "Starting", "the trader is being started"))
    if draft.put_off(draft.trader, "TraderRefused", "the trader's StatefulSet"):
        return
    facts = draft.looked_at()
    if facts is None:
        return
    beside = [name for name in facts.live if name != pod_name(draft.metadata["name"], draft.metadata["uid"])]
    if new and beside:
        message = f"pod {beside[0]} of the last closing is still there; trading starts once it is gone"
        draft.say(Verdict(Standing.WORKING, "Starting", message))
        draft.look.append(draft.now + AGAIN)
        return
    draft.apply.append(manifest)
    draft.look.append(draft.now + timedelta(seconds=draft.settings.pace.pod_grace_seconds))


def _trades(draft: Draft, session: SessionStatus) -> None:
    name = pod_name(draft.metadata["name"], draft.metadata["uid"])
    since = session.trading_since or rfc3339(draft.now)
    draft.session = session.model_copy(update={"pod": name, "trading_since": since})
    what = ", ".join(draft.spec.session.symbols) if draft.spec is not None and draft.spec.session is not None else ""
    message = f"pod {name} trades {what} at BrokerConnection {session.connection!r} since {since}"
    draft.say(Verdict(Standing.READY, "Trading", message))


def _seal_when_due(draft: Draft) -> None:
    """Begin to close a session that a capture has sealed while it goes on: it is left as it stands, and so resumed."""
    session, cadence = draft.session, draft.observed.sealing_terms.cadence
    if cadence is None or session is None or session.trading_since is None:
        return
    closed = None if session.closing is None else session.closing.completion_time
    due = max(map(parse_rfc3339, filter(None, (session.trading_since, closed)))) + cadence.every
    if draft.now < due:
        draft.look.append(due)
        return
    seconds = int(cadence.every.total_seconds())
    because = f"it is sealed every {seconds} s for SnapshotCapture {cadence.capture}"
    begin_closing(draft, session, Closing.LEAVE, shorten(because, _BECAUSE))
