"""Whatever an operator misses and wherever it ends: each bundle becomes a Snapshot once, and none is left out."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.operator.capture_simulation import Server, SimulatedOperator, connection
from tests.unit.operator.simulation import Crash

ACTIONS = st.one_of(
    st.tuples(st.just("seal"), st.booleans()),
    st.tuples(st.just("deliver"), st.integers(1, 4)),
    st.tuples(st.just("pass"), st.just(0)),
    st.tuples(st.just("crash"), st.integers(1, 3)),
    st.tuples(st.just("take over"), st.integers(1, 6)),
    st.tuples(st.just("miss"), st.just(0)),
    st.tuples(st.just("control"), st.just(0)),
    st.tuples(st.just("suspend"), st.booleans()),
)


def _act(server: Server, operator: SimulatedOperator, action: tuple[str, int]) -> SimulatedOperator:
    what, how = action
    if what == "seal":
        server.seal(empty=how == 1)
    elif what == "deliver":
        operator.deliver(how)
    elif what == "miss":
        server.events.clear()
    elif what == "take over":
        return SimulatedOperator(server, connection(), behind=how)
    elif what == "control":
        server.control()
    elif what == "suspend":
        server.change(suspend=how == 1)
    else:
        server.crash_after = how if what == "crash" else None
        try:
            operator.step()
        except Crash:
            server.crash_after = None
            return SimulatedOperator(server, connection())
        server.crash_after = None
    return operator


@settings(max_examples=100, deadline=None)
@given(st.lists(ACTIONS, min_size=10, max_size=40), st.sampled_from([None, 1, 3]), st.booleans())
def test_each_bundle_becomes_a_snapshot_once(actions: list[tuple[str, int]], count: int | None, attests: bool) -> None:
    server = Server(attests=attests)
    server.create(**({} if count is None else {"retention": {"count": count}}))
    operator = SimulatedOperator(server, connection())
    operator.settle(2)
    for action in actions:
        operator = _act(server, operator, action)
    server.change(suspend=False)
    SimulatedOperator(server, connection()).settle(len(server.pointers) + 6)
    sealed = [number for number, bundle in sorted(server.pointers.items()) if bundle.snapshot is not None]
    assert server.made == {f"tape-{number:06}": 1 for number in sealed}
    assert server.numbers() == (sealed if count is None else sealed[-count:])
    facts = {"count": len(sealed), "lastNumber": len(server.pointers), "records": 10 * len(sealed)}
    assert server.bundles | facts == server.bundles
    assert server.ready()["reason"] == "Capturing"
    assert all(_says_where_it_is_from(server, name) is attests for name in server.snapshots)


def _says_where_it_is_from(server: Server, name: str) -> bool:
    """Return whether the status of a Snapshot says, rightly, which bundle of the capture it is."""
    origin = (server.snapshots[name].get("status") or {}).get("origin") or {}
    return bool(origin) and (origin["capture"], f"tape-{origin['bundle']:06}") == ("tape", name)


@settings(max_examples=40, deadline=None)
@given(st.lists(ACTIONS, min_size=5, max_size=20), st.booleans())
def test_a_deleted_capture_goes_and_leaves_none_out(actions: list[tuple[str, int]], attests: bool) -> None:
    server = Server(attests=attests)
    server.create()
    operator = SimulatedOperator(server, connection())
    operator.settle(3)
    for action in actions:
        operator = _act(server, operator, action)
    server.remove()
    SimulatedOperator(server, connection()).settle(len(server.pointers) + 6)
    sealed = {f"tape-{number:06}": 1 for number, bundle in server.pointers.items() if bundle.snapshot is not None}
    assert (server.capture, server.made) == (None, sealed)
    assert all(_says_where_it_is_from(server, name) is attests for name in server.snapshots)
