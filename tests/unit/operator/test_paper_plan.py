"""A session from its beginning to its end, each way it can go wrong, and what is said then."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tradeplane_api.paper import PaperOutcome, PaperSpecification
from tradeplane_operator.planning.paper_names import claim_name, closing_name, trader_name
from tradeplane_operator.planning.wanted import EventType
from tradeplane_operator.settings import Store

from tests.unit.operator.paper_simulation import (
    BACKTEST,
    CLAIM,
    FLAT,
    LEFT,
    NOT_FLAT,
    POD,
    SPEC,
    TRADER,
    Server,
    SimulatedOperator,
    connection,
    environment,
    report,
    trading,
)
from tests.unit.operator.simulation import SETTINGS

LEAVE = {"symbols": ["BTCUSDT"], "onSuspend": "Leave"}


def _standing(server: Server) -> dict[str, str]:
    kinds = ("Ready", "Reconciling", "Stalled")
    return {kind: server.condition(kind)["status"] for kind in kinds}


def _warnings(server: Server) -> list[str]:
    return [notice.reason for notice in server.notices if notice.type is EventType.WARNING]


def test_it_trades_until_suspended_and_is_flat_then() -> None:
    server, operator = trading()
    assert _standing(server) == {"Ready": "True", "Reconciling": "False", "Stalled": "False"}
    assert server.condition()["message"].startswith(f"pod {POD} trades BTCUSDT at BrokerConnection 'sim' since 2026-")
    assert (server.session["state"], server.session["pod"]) == ("Trading", POD)
    server.change_spec(suspend=True)
    operator.step()
    assert list(server.pods) != [POD], "the trader is stopped first"
    name = operator.close()
    assert _standing(server) == {"Ready": "False", "Reconciling": "False", "Stalled": "False"}
    assert server.condition()["reason"] == "Suspended"
    assert server.condition()["message"].startswith("spec.suspend is true: flat: 4 orders, 2 fills, sealed as sha256:9")
    assert server.session["closing"] | {"name": name, "generation": 2, "way": "Flatten"} == server.session["closing"]
    assert [server.session[fact] for fact in ("outcome", "number", "inputs", "orders", "fills")] == [
        "Flat",
        1,
        10,
        4,
        2,
    ]
    assert server.jobs == {}, "the Job goes once its end is recorded"
    assert _warnings(server) == []


def test_what_it_is_told_is_the_spec_and_the_connection() -> None:
    server, _ = trading()
    (made,) = server.sets.values()
    told = PaperSpecification.model_validate_json(environment(made["spec"]["template"], "TRADEPLANE_PAPER"))
    assert (told.trader, told.symbols, told.endpoint.rest) == ("uid-p", ("BTCUSDT",), "http://exchange:9090")
    assert told.simulation.algorithm.name == "market-maker"


def test_a_trader_costs_five_writes_and_one_more_when_it_trades() -> None:
    server = Server()
    operator = SimulatedOperator(server)
    operator.step()
    assert server.writes == 5, "that it starts, the finalizer, the record, the StatefulSet, that its pod runs"
    server.trader_ready()
    operator.step()
    assert server.writes == 6
    operator.wait(3_600)
    assert server.writes == 6, "what goes on is written about once"


@pytest.mark.parametrize("there", [False, True])
def test_it_waits_for_its_connection_and_begins_once_that_is_ready(there: bool) -> None:
    server = Server()
    operator = SimulatedOperator(server)
    known = operator.index.connections
    (key,) = list(known)
    known.remove(key, "uid-c")
    if there:
        known.put(connection(ready=False, version=2), confirmed=True)
    operator.step()
    assert _standing(server) == {"Ready": "False", "Reconciling": "True", "Stalled": "False"}
    assert server.condition()["reason"] == "WaitingForConnection"
    words = (
        "'sim' is not ready: EndpointUnreachable: said by the test" if there else "there is no BrokerConnection 'sim'"
    )
    assert words in server.condition()["message"]
    assert (server.sets, server.metadata.get("finalizers")) == ({}, None)
    assert len(operator.index.take_readers(key)) == 1, "it is woken when that changes"
    known.put(connection(version=3), confirmed=True)
    operator.step()
    assert list(server.pods) == [POD]


def test_a_connection_that_is_lost_while_it_trades_does_not_stop_it() -> None:
    server, operator = trading()
    operator.index.connections.put(connection(ready=False, version=2), confirmed=True)
    operator.step()
    assert server.condition()["reason"] == "Trading"
    server.trader_ready(ready=False)
    operator.step()
    assert server.condition()["reason"] == "Connecting"
    assert "BrokerConnection 'sim' is not ready: EndpointUnreachable" in server.condition()["message"]
    assert list(server.pods) == [POD]


@pytest.mark.parametrize(
    "asked",
    [
        {"type": "Binance", "endpoint": {"rest": "https://x.example", "stream": "wss://x.example"}},
        {"endpoint": {"rest": "https://api.binance.com", "stream": "wss://stream.example"}},
        {"endpoint": {"rest": "https://x.example", "stream": "wss://FSTREAM.binance.com:443/ws"}},
    ],
)
def test_no_order_is_sent_to_a_real_venue(asked: dict[str, Any]) -> None:
    server = Server()
    operator = SimulatedOperator(server)
    operator.index.connections.put(connection(version=2, **asked), confirmed=True)
    operator.step()
    assert (server.condition()["reason"], _standing(server)["Stalled"]) == ("OrderEntryRefused", "True")
    assert "name one of type Simulated" in server.condition()["message"]
    assert server.sets == {}


@pytest.mark.parametrize(
    ("changes", "reason", "why"),
    [
        ({"mode": "Live"}, "ModeNotAvailable", "so nothing would be traded; use Backtest, or Paper"),
        ({"store": "elsewhere"}, "StoreUnknown", "spec.store 'elsewhere' is not a store of this cluster"),
        ({"image": "registry.example/mine:1"}, "ImageWithoutDigest", "names no digest"),
    ],
)
def test_what_cannot_be_is_stalled_and_trades_nothing(changes: dict[str, Any], reason: str, why: str) -> None:
    server = Server()
    server.change_spec(**changes)
    operator = SimulatedOperator(server)
    operator.step()
    assert (server.condition()["reason"], _standing(server)["Stalled"]) == (reason, "True")
    assert why in server.condition()["message"]
    assert (server.sets, server.metadata.get("finalizers")) == ({}, None)


def test_a_spec_that_cannot_be_had_leaves_the_session_as_it_is() -> None:
    server, operator = trading()
    server.change_spec(image="registry.example/mine:1")
    operator.step()
    assert (server.condition()["reason"], _standing(server)["Stalled"]) == ("ImageWithoutDigest", "True")
    assert "the session that was begun for generation 1 goes on" in server.condition()["message"]
    assert list(server.pods) == [POD]


def test_parameters_that_are_too_large_are_refused() -> None:
    server = Server()
    server.change_spec(algorithm={"name": "market-maker", "parameters": {"long": "x" * 70_000}})
    operator = SimulatedOperator(server)
    operator.step()
    assert server.condition()["reason"] == "SpecificationTooLarge"
    assert "make spec.algorithm.parameters smaller" in server.condition()["message"]


@pytest.mark.parametrize(
    "changes",
    [{"capital": "2"}, {"connectionRef": {"name": "sim"}, "seed": 5}, {"session": {**LEAVE, "symbols": ["ETHUSDT"]}}],
)
def test_another_spec_is_traded_once_the_session_is_flat(changes: dict[str, Any]) -> None:
    server, operator = trading(session=LEAVE)
    first = server.session["specification"]
    server.change_spec(**changes)
    operator.step()
    assert server.session["closing"]["way"] == "Flatten", "a new session starts without knowing what is held"
    assert POD not in server.pods
    operator.close()
    server.trader_ready()
    operator.step()
    assert server.condition()["reason"] == "Trading"
    assert server.session["generation"] == server.metadata["generation"]
    assert server.pods[POD].told == server.session["specification"] != first
    assert server.never == []


@pytest.mark.parametrize("changes", [{"historyLimit": 3}, {"rerun": 1}, {"session": LEAVE}])
def test_what_asks_for_nothing_else_leaves_the_trader_alone(changes: dict[str, Any]) -> None:
    server, operator = trading()
    pod = server.pods[POD]
    server.change_spec(**changes)
    operator.step()
    assert server.pods[POD] is pod
    assert server.condition()["reason"] == "Trading"
    assert server.strategy["status"]["observedGeneration"] == 2


def test_positions_that_are_left_are_traded_on_by_the_same_spec() -> None:
    server, operator = trading(session=LEAVE)
    server.change_spec(suspend=True)
    operator.close(LEFT)
    assert "positions left as asked (0.5 BTCUSDT)" in server.condition()["message"]
    begun = server.session["generation"]
    server.change_spec(suspend=False)
    operator.step()
    server.trader_ready()
    operator.step()
    assert (server.condition()["reason"], server.session["generation"]) == ("Trading", begun)
    assert server.never == []


def test_positions_that_are_left_are_closed_before_another_spec_is_traded() -> None:
    server, operator = trading(session=LEAVE)
    server.change_spec(suspend=True)
    first = operator.close(LEFT)
    server.change_spec(suspend=False, capital="2")
    second = operator.close()
    assert first != second
    assert list(server.pods) == [POD]
    assert server.never == []


def test_positions_that_are_left_are_closed_when_that_is_asked_for() -> None:
    server, operator = trading(session=LEAVE)
    server.change_spec(suspend=True)
    operator.close(LEFT)
    server.change_spec(session={"symbols": ["BTCUSDT"]})
    operator.close()
    assert (server.session["outcome"], server.condition()["reason"]) == ("Flat", "Suspended")


def test_a_closing_that_was_begun_is_carried_to_its_end() -> None:
    server, operator = trading()
    server.change_spec(suspend=True)
    operator.settle()
    server.controllers_act()
    server.ending_pods_end()
    operator.settle()
    assert len(server.jobs) == 1, "the closing has no pod yet"
    server.change_spec(suspend=False)
    operator.step()
    assert POD not in server.pods
    assert server.never == []
    operator.close()
    assert list(server.pods) == [POD]
    assert sum(server.created.values()) == 1


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (NOT_FLAT, "NOT FLAT: the broker took no orders (left: positions not known, 1 open orders)"),
        ("Traceback: no such file", "left no report: pod maker-closing-"),
        ("", "left no report: pod maker-closing-"),
    ],
)
def test_what_could_not_be_closed_is_said_loudly(said: str, words: str) -> None:
    server, operator = trading()
    server.change_spec(suspend=True)
    operator.close(said)
    assert _standing(server) == {"Ready": "False", "Reconciling": "False", "Stalled": "False"}
    assert server.condition()["reason"] == "Suspended"
    assert words in server.condition()["message"]
    assert _warnings(server) == ["NotFlat"]
    assert server.session["outcome"] == "NotFlat"
    operator.wait(3_600)
    assert sum(server.created.values()) == 1, "it is not tried for ever"
    server.change_spec(historyLimit=3)
    operator.close()
    assert server.session["outcome"] == "Flat", "each change of the spec asks once more"


def test_what_a_newer_closing_says_is_read_without_what_is_not_known_here() -> None:
    server, operator = trading()
    server.change_spec(suspend=True)
    operator.close(FLAT[:-1] + ', "hedged": true}')
    assert server.session["outcome"] == "Flat"
    assert _warnings(server) == []


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (PaperOutcome.FLAT, "flat: 4 orders, 2 fills, sealed as"),
        (PaperOutcome.LEFT, "positions left as asked (none): 4 orders, 2 fills, sealed as"),
    ],
)
def test_what_a_closing_that_went_well_could_not_do_is_said_beside_its_figures(
    outcome: PaperOutcome, words: str
) -> None:
    server, operator = trading()
    server.change_spec(suspend=True)
    operator.close(report(outcome, message="sealed without what the exchange recorded"))
    message = server.condition()["message"]
    assert words in message
    assert message.endswith("; sealed without what the exchange recorded")
    assert _warnings(server) == []


def test_a_report_of_a_job_that_failed_is_not_believed_to_be_flat() -> None:
    server, operator = trading()
    server.change_spec(suspend=True)
    operator.close(FLAT, well=False)
    assert server.session["outcome"] == "NotFlat"
    assert server.session["orders"] == 4


def test_nothing_is_traded_anew_before_it_is_flat() -> None:
    server, operator = trading()
    server.change_spec(capital="2")
    operator.close(NOT_FLAT)
    assert (server.condition()["reason"], _standing(server)["Stalled"]) == ("NotFlat", "True")
    assert "put it right at the broker, then change the spec" in server.condition()["message"]
    assert server.pods.keys() & {POD} == set()
    server.change_spec(capital="1")
    operator.step()
    assert list(server.pods) == [POD], "the spec of the session that is open goes on with it"
    assert server.never == []


def test_a_deleted_strategy_goes_when_it_is_flat_and_its_volume_with_it() -> None:
    server, operator = trading()
    assert server.claims == {CLAIM}
    server.delete_strategy()
    operator.step()
    assert (server.gone, server.condition()["reason"]) == (False, "Closing")
    operator.close()
    assert (server.gone, server.claims, _warnings(server)) == (True, set(), [])


def test_a_deleted_strategy_that_never_traded_goes_at_once() -> None:
    server = Server()
    operator = SimulatedOperator(server)
    operator.index.connections.put(connection(ready=False, version=2), confirmed=True)
    operator.step()
    server.delete_strategy()
    operator.step()
    assert server.gone


def test_a_deleted_strategy_that_is_suspended_goes_at_once() -> None:
    server, operator = trading()
    server.change_spec(suspend=True)
    operator.close()
    server.delete_strategy()
    operator.step()
    assert (server.gone, server.claims, sum(server.created.values())) == (True, set(), 1)


def test_a_deleted_strategy_that_could_not_be_closed_goes_and_leaves_its_volume() -> None:
    server, operator = trading()
    server.delete_strategy()
    operator.close(NOT_FLAT)
    assert (server.gone, server.claims) == (True, {CLAIM})
    assert _warnings(server) == ["NotFlat", "VolumeKept"]
    assert f"PersistentVolumeClaim {CLAIM} has the record of the session and is kept" in server.notices[-1].message


def test_a_deleted_strategy_waits_for_its_closing_so_long_and_no_longer() -> None:
    server, operator = trading(session={"symbols": ["BTCUSDT"], "closingSeconds": 30})
    server.refuse["*"] = "exceeded quota"
    server.delete_strategy()
    operator.step()
    assert "the API server refused the Job of closing" in server.condition()["message"]
    operator.wait(30 + SETTINGS.pace.closing_grace_seconds - 1)
    assert not server.gone
    operator.wait(1)
    assert (server.gone, server.claims, _warnings(server)) == (True, {CLAIM}, ["ClosingGivenUp"])
    assert "exceeded quota; orders and positions may be left at the broker" in server.notices[-1].message


def test_the_limit_of_a_deletion_holds_where_the_record_cannot_be_read() -> None:
    server, operator = trading()
    server.strategy["status"]["session"] = {"state": "Sleeping", "closingSeconds": 10}
    server.delete_strategy()
    operator.step()
    assert not server.gone
    operator.wait(10 + SETTINGS.pace.closing_grace_seconds)
    assert (server.gone, _warnings(server)) == (True, ["ClosingGivenUp"])


def test_a_spec_that_cannot_be_read_stops_nothing_and_lets_a_deleted_strategy_go() -> None:
    server, operator = trading()
    server.strategy["spec"]["leverageModel"] = "new"
    server.metadata["generation"] += 1
    server.metadata["resourceVersion"] = server.bump()
    operator.relist_strategies()
    operator.step()
    assert (server.condition()["reason"], list(server.pods)) == ("InvalidSpec", [POD])
    server.delete_strategy()
    operator.close()
    assert (server.gone, server.claims) == (True, set())


def test_another_mode_closes_the_session_first() -> None:
    server, operator = trading(session=LEAVE)
    server.set_spec(BACKTEST)
    operator.step()
    assert (server.session["closing"]["way"], server.condition()["reason"]) == ("Leave", "Closing")
    assert server.session["closing"]["because"] == "spec.mode is Backtest"
    operator.close(LEFT)
    assert server.strategy["status"]["latest"]["outcome"] == "Running"
    assert server.session["outcome"] == "Left", "what is known of the session is kept"


def test_a_backtest_that_goes_on_is_cancelled_when_the_mode_becomes_paper() -> None:
    server = Server()
    server.set_spec(BACKTEST)
    operator = SimulatedOperator(server)
    operator.step()
    assert server.strategy["status"]["latest"]["outcome"] == "Running"
    server.set_spec(SPEC)
    operator.step()
    assert (
        server.strategy["status"]["latest"] | {"outcome": "Cancelled", "message": "spec.mode is Paper"}
        == (server.strategy["status"]["latest"])
    )
    assert (server.jobs, list(server.pods)) == ({}, [POD])


@pytest.mark.parametrize(
    ("code", "reason", "stalled"),
    [
        (2, "TraderFailed", "True"),
        (3, "TraderFailed", "True"),
        (1, "TraderCrashed", "False"),
        (137, "TraderCrashed", "False"),
    ],
)
def test_a_trader_that_ends_is_told_by_its_code(code: int, reason: str, stalled: str) -> None:
    server, operator = trading()
    server.trader_ready(ready=False)
    pod = server.pods[POD]
    pod.exit_code, pod.said = (
        code,
        report(PaperOutcome.FAILED, message="there is no BTCUSDT", exit_code=2, snapshot=None),
    )
    operator.step()
    assert (server.condition()["reason"], _standing(server)["Stalled"]) == (reason, stalled)
    assert "there is no BTCUSDT" in server.condition()["message"]


def test_a_trader_without_a_node_or_an_image_says_so() -> None:
    server, operator = trading()
    server.trader_ready(ready=False)
    pod = server.pods[POD]
    pod.phase, pod.unschedulable = "Pending", "0/2 nodes are available"
    operator.step()
    assert server.condition()["reason"] == "Unschedulable"
    pod.unschedulable, pod.waiting_reason = "", "ImagePullBackOff"
    operator.wait(30)
    assert server.condition()["reason"] == "ImagePullFailed"


def test_a_trader_whose_node_is_away_is_not_said_to_connect() -> None:
    server, operator = trading()
    server.trader_ready(ready=False)
    pod = server.pods[POD]
    pod.unreported = True
    operator.step()
    assert (server.condition()["reason"], _standing(server)["Stalled"]) == ("NodeAway", "False")
    assert POD in server.condition()["message"]
    pod.removing, pod.exit_code = "deleting due to NoExecute taint", 1
    operator.wait(30)
    assert server.condition()["reason"] == "PodTerminating"
    assert "deleting due to NoExecute taint" in server.condition()["message"]
    assert "remove the pod by force once it surely runs no more" in server.condition()["message"]


def test_a_spec_that_never_could_be_traded_does_not_stand_in_the_way_of_one_that_can() -> None:
    server = Server()
    operator = SimulatedOperator(server)
    operator.step()
    failed = report(
        PaperOutcome.FAILED, message="unknown algorithm", exit_code=2, session=None, orders=0, fills=0, inputs=0
    )
    server.pods[POD].exit_code, server.pods[POD].said = 2, failed
    operator.wait(30)
    assert server.condition()["reason"] == "TraderFailed"
    server.change_spec(algorithm={"name": "another"})
    server.open_as = None
    operator.close(failed)
    assert list(server.pods) == [POD]
    assert _warnings(server) == ["TraderFailed"]


def test_a_trader_that_was_ready_is_not_believed_to_have_never_traded() -> None:
    server, operator = trading()
    server.change_spec(suspend=True)
    operator.close(report(PaperOutcome.FAILED, exit_code=2, session=None, orders=0, fills=0, inputs=0))
    assert server.session["outcome"] == "NotFlat"


def test_a_session_whose_volume_is_gone_cannot_be_closed() -> None:
    server, operator = trading()
    server.claims.clear()
    server.change_spec(suspend=True)
    operator.step()
    assert server.jobs == {}
    assert "the volume of the session is gone, and its record with it" in server.condition()["message"]
    assert _warnings(server) == ["NotFlat"]


def test_a_trader_that_got_no_volume_has_nothing_to_close() -> None:
    server = Server()
    server.refuse[TRADER] = "exceeded quota"
    operator = SimulatedOperator(server)
    operator.step()
    assert (server.condition()["reason"], _standing(server)["Stalled"]) == ("TraderRefused", "False")
    assert "exceeded quota" in server.condition()["message"]
    server.delete_strategy()
    operator.step()
    assert (server.gone, _warnings(server), sum(server.created.values())) == (True, [], 0)


def test_a_pod_that_does_not_end_is_named_and_waited_for() -> None:
    server, operator = trading()
    server.change_spec(suspend=True)
    operator.settle()
    server.controllers_act()
    operator.settle()
    assert server.condition()["reason"] == "Stopping"
    server.now = server.now.replace(hour=13)
    operator.settle()
    assert server.condition()["reason"] == "TraderDoesNotEnd"
    assert f"pod {POD} does not end" in server.condition()["message"]
    assert server.jobs == {}
    operator.close()
    assert server.session["outcome"] == "Flat"


def test_a_store_that_is_no_more_is_told_and_another_taken() -> None:
    server, operator = trading()
    stores = {"cold": Store(url="file:///cold", claim="cold")}
    operator.strategies.settings = SETTINGS.model_copy(update={"stores": stores})
    server.change_spec(suspend=True)
    operator.step()
    assert (server.condition()["reason"], _standing(server)["Stalled"]) == ("StoreUnknown", "True")
    assert "set spec.store to one of: cold" in server.condition()["message"]
    server.change_spec(store="cold")
    operator.close()
    assert server.session["outcome"] == "Flat"


def test_a_record_that_an_older_operator_dropped_is_missed_and_taken_up_again() -> None:
    server, operator = trading()
    del server.strategy["status"]["session"]
    server.change_spec(suspend=True)
    operator.step()
    assert (server.condition()["reason"], _standing(server)["Stalled"]) == ("SessionRecordLost", "True")
    server.change_spec(suspend=False)
    operator.step()
    assert (server.condition()["reason"], server.never) == ("Trading", [])
    server.change_spec(suspend=True)
    operator.close()
    assert (server.condition()["reason"], server.session["outcome"]) == ("Suspended", "Flat")


def test_a_stateful_set_that_somebody_scaled_is_put_right() -> None:
    server, operator = trading()
    (made,) = server.sets.values()
    made["spec"]["replicas"] = 0
    made["metadata"] |= {"generation": made["metadata"]["generation"] + 1, "resourceVersion": server.bump()}
    server.set_events.append(json.loads(json.dumps(made)))
    operator.step()
    assert made["spec"]["replicas"] == 0
    assert server.sets[TRADER]["spec"]["replicas"] == 1


def test_names_are_short_enough_and_say_whose_they_are() -> None:
    assert trader_name("maker", "uid") == "maker-trader"
    long = "a" * 200 + ".b"
    assert len(trader_name(long, "uid")) <= 52
    assert trader_name(long, "uid") != trader_name(long, "other")
    assert len(closing_name(long, "uid", 1, 2**31)) <= 63
    assert len({closing_name("maker", "uid", number, generation) for number in (1, 2) for generation in (1, 2)}) == 4
    assert claim_name("maker", "uid") != claim_name("maker", "other"), "no record of a Strategy of the same name before"
