"""Where approval is asked for nothing starts without it, and what goes on is left alone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tradeplane_api.strategy import Mode, RunStatus
from tradeplane_evidence.configurations.documents import Configuration, payload_of
from tradeplane_operator.observing.feeding import Feed
from tradeplane_operator.observing.index import Index, approved
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.planning.approval import ObservedApproval
from tradeplane_operator.planning.approval import plan as plan_approval
from tradeplane_operator.planning.approving import (
    AHEAD,
    ApprovalFacts,
    FoundApprovals,
    approvers,
    configuration_of,
    counted,
)
from tradeplane_operator.planning.observed import Observed
from tradeplane_operator.planning.strategy import plan
from tradeplane_operator.planning.wanted import Fact, Need
from tradeplane_operator.running.approval_checks import ApprovalChecks
from tradeplane_operator.running.attestations import execution_of
from tradeplane_operator.settings import ApprovalPolicy, ApprovalRule
from tradeplane_store.canonical import sha256_digest

from tests.unit.evidence import sample_approvals, sample_runs
from tests.unit.evidence.sample_approvals import CONFIGURATION, OBJECT, USER
from tests.unit.operator.paper_simulation import LEFT, Server, SimulatedOperator, trading
from tests.unit.operator.simulation import SETTINGS
from tests.unit.operator.test_paper_plan import LEAVE
from tests.unit.operator.test_strategy_plan import NOW, READY, _condition, _Everything, _job, _resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from tradeplane_evidence.signing.file_signer import FileSigner
    from tradeplane_operator.planning.wanted import Plan

ALL = tuple(Mode)
UID = "uid-1"
EVERYBODY = ("alice", "bob", "carol")
DIGEST = configuration_of(_resource()["spec"])


def _policy(approvers: int = 2, modes: Iterable[Mode] = ALL, namespaces: tuple[str, ...] = ()) -> ApprovalPolicy:
    rule = ApprovalRule(modes=tuple(modes), namespaces=namespaces, approvers=approvers)
    return ApprovalPolicy(keyring="/etc/tradeplane-approvers/keyring.json", rules=(rule,))


def _by(user: str, name: str | None = None, **changed: Any) -> ApprovalFacts:
    attestation = sha256_digest(f"{user} {name}".encode())
    facts = ApprovalFacts(
        name or f"of-{user}", user=user, configuration=DIGEST, uid=UID, attestation=attestation, signed=NOW
    )
    return replace(facts, **changed)


def _plan(
    resource: dict[str, Any],
    *facts: ApprovalFacts,
    policy: ApprovalPolicy | None = None,
    now: datetime = NOW,
    trouble: str = "",
) -> Plan:
    found = FoundApprovals(facts, trouble)
    settings = SETTINGS.model_copy(update={"approvals": policy or _policy()})
    return plan(Observed(resource, snapshot=READY, admitted=_Everything(), approvals=found), settings, now)


def _waits(wanted: Plan, *words: str) -> None:
    assert wanted.status is not None
    assert (wanted.create, wanted.needs) == ((), ())
    assert "latest" not in wanted.status
    assert "pinned" not in wanted.status
    ready = _condition(wanted)
    assert ready["reason"] == "AwaitingApproval"
    assert _condition(wanted, "Stalled")["status"] == "False"
    assert [word for word in words if word not in ready["message"]] == []


def test_approvals_are_looked_at_before_anything_is_started() -> None:
    settings = SETTINGS.model_copy(update={"approvals": _policy()})
    wanted = plan(Observed(_resource(), snapshot=READY, admitted=_Everything()), settings, NOW)
    assert (wanted.needs, wanted.create) == ((Need(Fact.APPROVALS),), ())


def test_the_digest_is_the_one_that_the_ledger_has() -> None:
    entered = payload_of(
        Configuration(api_version="tradeplane.dev/v1alpha1", kind="Strategy", spec=_resource()["spec"])
    )
    assert sha256_digest(entered) == DIGEST


def test_it_waits_for_everybody_who_is_missing_and_says_so() -> None:
    _waits(
        _plan(_resource()),
        DIGEST,
        "needs 2 users",
        "approved by nobody",
        "2 are missing",
        "kubectl get strategy macd -n research -o json | tradeplane approve -",
    )
    _waits(_plan(_resource(), _by("alice")), "approved by alice", "1 is missing")


def test_two_users_let_it_start_and_that_is_recorded() -> None:
    wanted = _plan(_resource(), _by("bob"), _by("alice"))
    assert wanted.status is not None
    assert len(wanted.create) == 1
    assert wanted.status["latest"]["approvals"] == [
        {"user": user, "attestation": _by(user).attestation} for user in ("alice", "bob")
    ]


def test_what_is_recorded_is_what_is_stated_of_the_run() -> None:
    wanted = _plan(_resource(), _by("bob"), _by("alice"))
    assert wanted.status is not None
    run = RunStatus.model_validate(wanted.status["latest"])
    stated = tuple((user, _by(user).attestation) for user in ("alice", "bob"))
    assert execution_of(run, "https://example.com/builder").approvals == stated
    assert execution_of(run.model_copy(update={"approvals": None}), "https://example.com/builder").approvals == ()


def test_the_same_user_twice_is_one() -> None:
    _waits(_plan(_resource(), _by("alice"), _by("alice", "again")), "1 is missing")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"configuration": CONFIGURATION}, "of another version"),
        ({"uid": "uid-0"}, "of a Strategy of this name that is gone"),
        ({"not_after": NOW - timedelta(seconds=1)}, "expired"),
        ({"signed": NOW + AHEAD + timedelta(seconds=1)}, "of a time to come"),
        ({"refused": "key sha256:... does not approve for it", "reason": "WrongUser"}, "WrongUser"),
        ({"refused": "nobody's key", "reason": "NotTrusted"}, "NotTrusted"),
    ],
)
def test_what_does_not_count_is_told(changed: dict[str, Any], words: str) -> None:
    _waits(_plan(_resource(), _by("alice"), _by("bob", **changed)), "1 is missing", f"not counted: of-bob ({words})")


def test_of_many_that_do_not_count_a_few_are_told() -> None:
    old = [_by("bob", f"old-{number}", uid="uid-0") for number in range(50)]
    wanted = _plan(_resource(), *old)
    _waits(wanted, "old-0", "and 47 more")
    assert len(_condition(wanted)["message"]) < 1_024


def test_a_spec_that_was_edited_waits_again_and_the_run_is_stopped() -> None:
    before = _plan(_resource(), _by("alice"), _by("bob")).status
    assert before is not None
    job = _job(before["latest"]["name"])
    settings = SETTINGS.model_copy(update={"approvals": _policy()})
    found = FoundApprovals((_by("alice"), _by("bob")))
    observed = Observed(_resource(before, generation=2, capital="2"), {job.name: job}, READY, approvals=found)
    edited = plan(observed, settings, NOW)
    assert edited.status is not None
    assert edited.create == ()
    assert edited.status["latest"]["outcome"] == "Cancelled"
    assert _condition(edited)["reason"] == "AwaitingApproval"


def test_what_was_started_goes_on_without_its_approvals() -> None:
    before = _plan(_resource(), _by("alice"), _by("bob")).status
    assert before is not None
    job = _job(before["latest"]["name"])
    settings = SETTINGS.model_copy(update={"approvals": _policy()})
    for found in (None, FoundApprovals(), FoundApprovals(trouble="no keyring")):
        wanted = plan(Observed(_resource(before), {job.name: job}, READY, approvals=found), settings, NOW)
        assert wanted.status is not None
        assert wanted.needs == ()
        assert wanted.status["latest"]["outcome"] == "Running"
        assert wanted.status["latest"]["approvals"] == before["latest"]["approvals"]


def test_a_rerun_is_another_version() -> None:
    before = _plan(_resource(), _by("alice"), _by("bob")).status
    assert before is not None
    before = {**before, "latest": {**before["latest"], "outcome": "Succeeded"}}
    again = _resource(before, generation=2, rerun=1)
    assert _condition(_plan(again, _by("alice"), _by("bob")))["reason"] == "AwaitingApproval"
    digest = configuration_of(again["spec"])
    given = [_by(user, configuration=digest) for user in ("alice", "bob")]
    assert len(_plan(again, *given).create) == 1


def test_a_scheduled_run_needs_approvals_that_still_hold() -> None:
    schedule: dict[str, Any] = {"schedule": {"cron": "0 * * * *", "startingDeadlineSeconds": 3600}}
    digest = configuration_of(_resource(**schedule)["spec"])
    until = NOW + timedelta(minutes=30)
    given = [_by(user, configuration=digest, not_after=until) for user in ("alice", "bob")]
    before = _plan(_resource(**schedule), *given).status
    assert before is not None
    before = {**before, "latest": {**before["latest"], "outcome": "Succeeded"}}
    due = NOW + timedelta(hours=1, seconds=1)
    waiting = _plan(_resource(before, **schedule), *given, now=due)
    assert waiting.create == ()
    assert _condition(waiting)["reason"] == "AwaitingApproval"
    renewed = [replace(one, not_after=None) for one in given]
    assert len(_plan(_resource(waiting.status, **schedule), *renewed, now=due).create) == 1


def test_without_a_keyring_nothing_is_started() -> None:
    wanted = _plan(_resource(), trouble="the approvers' keyring /x cannot be read: No such file or directory")
    assert wanted.create == ()
    assert _condition(wanted)["reason"] == "ApproversUnknown"
    assert wanted.look_again_at == NOW + timedelta(seconds=30)


def test_a_specification_without_a_digest_is_not_started() -> None:
    deep: Any = []
    for _ in range(70):
        deep = [deep]
    resource = _resource()
    resource["spec"]["algorithm"]["parameters"] = {"deep": deep}
    wanted = _plan(resource, _by("alice"), _by("bob"))
    assert wanted.create == ()
    assert _condition(wanted)["reason"] == "InvalidSpec"


@pytest.mark.parametrize(
    ("mode", "namespace", "needed"),
    [
        (Mode.PAPER, "trading", 2),
        (Mode.PAPER, "research", 1),
        (Mode.BACKTEST, "trading", 0),
        (Mode.LIVE, "trading", 3),
        (Mode.LIVE, "research", 3),
    ],
)
def test_of_several_rules_the_one_asking_most_holds(mode: Mode, namespace: str, needed: int) -> None:
    rules = (
        ApprovalRule(modes=(Mode.PAPER, Mode.LIVE), approvers=1),
        ApprovalRule(modes=(Mode.PAPER,), namespaces=("trading", "other"), approvers=2),
        ApprovalRule(modes=(Mode.LIVE,), approvers=3),
    )
    assert approvers(ApprovalPolicy(keyring="/k", rules=rules), mode, namespace) == needed
    assert approvers(None, mode, namespace) == 0


def test_where_nothing_is_asked_nothing_is_looked_at() -> None:
    for policy in (None, _policy(modes=[Mode.PAPER]), _policy(namespaces=("trading",))):
        settings = SETTINGS.model_copy(update={"approvals": policy})
        wanted = plan(Observed(_resource(), snapshot=READY, admitted=_Everything()), settings, NOW)
        assert wanted.status is not None
        assert len(wanted.create) == 1
        assert "approvals" not in wanted.status["latest"]


_FACTS = st.builds(
    _by,
    st.sampled_from(EVERYBODY),
    st.sampled_from([f"approval-{number}" for number in range(6)]),
    configuration=st.sampled_from([DIGEST, CONFIGURATION]),
    uid=st.sampled_from([UID, "uid-0"]),
    not_after=st.sampled_from([None, NOW - timedelta(days=1), NOW, NOW + timedelta(days=1)]),
    signed=st.sampled_from([NOW - timedelta(days=1), NOW, NOW + timedelta(days=1)]),
    refused=st.sampled_from(["", "", "not trusted"]),
)


def _holds(one: ApprovalFacts) -> bool:
    return (
        not one.refused
        and (one.configuration, one.uid) == (DIGEST, UID)
        and (one.not_after is None or one.not_after >= NOW)
        and one.signed is not None
        and one.signed <= NOW + AHEAD
    )


@given(facts=st.lists(_FACTS, max_size=8), needed=st.integers(1, 4))
def test_nothing_ever_starts_with_fewer_users_than_asked(facts: list[ApprovalFacts], needed: int) -> None:
    users = {one.user for one in facts if _holds(one)}
    wanted = _plan(_resource(), *facts, policy=_policy(needed))
    assert bool(wanted.create) == (len(users) >= needed)
    if wanted.create:
        assert wanted.status is not None
        by = [one["user"] for one in wanted.status["latest"]["approvals"]]
        assert len(set(by)) == len(by) == needed
        assert set(by) <= users


@given(facts=st.lists(_FACTS, max_size=6), more=_FACTS)
def test_one_more_approval_takes_none_away_and_the_order_is_of_no_account(
    facts: list[ApprovalFacts], more: ApprovalFacts
) -> None:
    before = counted(facts, DIGEST, UID, NOW)
    assert set(before) <= set(counted([*facts, more], DIGEST, UID, NOW))
    assert set(before) == set(counted(reversed(facts), DIGEST, UID, NOW))


def test_of_two_by_one_user_the_one_that_holds_longer_counts() -> None:
    ends = [NOW + timedelta(days=2), None, NOW + timedelta(days=1)]
    facts = [_by("alice", f"approval-{number}", not_after=end) for number, end in enumerate(ends)]
    assert counted(facts, DIGEST, UID, NOW)["alice"].not_after is None


class _Checks:
    """Finds what it is told to."""

    def __init__(self, *facts: ApprovalFacts) -> None:
        self.facts = facts

    async def look(self, _approvals: object) -> FoundApprovals:
        return FoundApprovals(self.facts)


def _trading(server: Server, *users: str, **changed: Any) -> _Checks:
    uid, digest = server.strategy["metadata"]["uid"], configuration_of(server.strategy["spec"])
    return _Checks(*(_by(user, uid=uid, configuration=digest, signed=server.now, **changed) for user in users))


def _operator(server: Server, checks: _Checks) -> SimulatedOperator:
    operator = SimulatedOperator(server)
    operator.strategies.settings = SETTINGS.model_copy(update={"approvals": _policy(modes=[Mode.PAPER])})
    operator.strategies.approvals = checks  # type: ignore[assignment]
    return operator


def test_nothing_is_traded_before_it_is_approved() -> None:
    server = Server()
    operator = _operator(server, _trading(server, "alice"))
    operator.step()
    operator.step()
    assert (server.sets, server.session) == ({}, {})
    assert server.condition()["reason"] == "AwaitingApproval"
    operator.strategies.approvals = _trading(server, "alice", "bob")  # type: ignore[assignment]
    operator.step()
    operator.step()
    assert len(server.sets) == 1
    assert [one["user"] for one in server.session["approvals"]] == ["alice", "bob"]
    operator.strategies.approvals = _Checks()  # type: ignore[assignment]
    operator.step()
    assert server.session["state"] == "Trading", "what trades is not stopped by an approval that ends"


def test_a_session_that_was_suspended_goes_on_once_it_is_approved() -> None:
    server, operator = trading(session=LEAVE)
    operator.strategies.settings = SETTINGS.model_copy(update={"approvals": _policy(modes=[Mode.PAPER])})
    operator.strategies.approvals = _Checks()  # type: ignore[assignment]
    operator.step()
    assert server.session["state"] == "Trading", "what was begun before anything had to be approved goes on"
    server.change_spec(suspend=True)
    operator.close(LEFT)
    assert server.condition()["reason"] == "Suspended", "and it is stopped without approval"
    server.change_spec(suspend=False)
    operator.step()
    assert server.condition()["reason"] == "AwaitingApproval"
    assert (list(server.pods), server.session["state"]) == ([], "Closed")
    operator.strategies.approvals = _trading(server, "alice", "bob")  # type: ignore[assignment]
    operator.step()
    assert server.session["state"] == "Trading"
    assert [one["user"] for one in server.session["approvals"]] == ["alice", "bob"]


@pytest.mark.parametrize(
    "rule",
    [
        {"modes": []},
        {"modes": ["paper"]},
        {"modes": ["Paper"], "approvers": 0},
        {"modes": ["Paper"], "approvers": 17},
        {"modes": ["Paper"], "users": ["alice"]},
    ],
)
def test_a_rule_that_asks_for_nothing_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ApprovalPolicy.model_validate({"keyring": "/k", "rules": [rule]})


@pytest.mark.parametrize("event", ["ADDED", "MODIFIED", "DELETED"])
def test_an_approval_that_comes_or_goes_is_news_for_its_strategy(event: str) -> None:
    index, woken = Index(), list[Key]()
    body = _object()
    if event == "DELETED":
        index.approvals.put(body, confirmed=True)
    Feed(index, woken.append).approval(event, body)
    assert woken == [Key(Kind.APPROVAL, "trading", "one"), Key(Kind.STRATEGY, "trading", "sp500-macd")]
    found = index.approvals.made_by(approved("trading", "sp500-macd"))
    assert len(found) == (0 if event == "DELETED" else 1)
    assert index.approvals.made_by(approved("other", "sp500-macd")) == []


def _object(bundle: bytes = b"{}", namespace: str = "trading", **changed: Any) -> dict[str, Any]:
    spec = {"strategyRef": {"name": OBJECT.name}, "configuration": CONFIGURATION, "user": USER}
    metadata = {"name": "one", "namespace": namespace, "uid": "uid-9", "generation": 1, "resourceVersion": "7"}
    return {"metadata": metadata, "spec": {**spec, "bundle": bundle.decode(), **changed}, "status": {}}


@pytest.fixture
def signer(tmp_path: Path) -> FileSigner:
    return sample_runs.signer_in(tmp_path)


def _checks(folder: Path, *entries: Mapping[str, Any]) -> ApprovalChecks:
    keyring = folder / "keyring.json"
    keyring.write_text(json.dumps({"schemaVersion": 1, "kind": "Keyring", "keys": list(entries)}))
    return ApprovalChecks(_policy().model_copy(update={"keyring": str(keyring)}))


async def test_what_is_found_is_what_was_signed(signer: FileSigner, tmp_path: Path) -> None:
    checks = _checks(tmp_path, sample_approvals.entry(signer, USER))
    (facts,) = (await checks.look([_object(sample_approvals.bundle(signer))])).found
    assert (facts.refused, facts.user, facts.configuration, facts.uid) == ("", USER, CONFIGURATION, OBJECT.uid)
    assert facts.key == signer.public_key.fingerprint


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"user": "bob@example.com"}, "WrongUser"),
        ({"configuration": DIGEST}, "NotOfThisObject"),
        ({"strategyRef": {"name": "other"}}, "NotOfThisObject"),
        ({"namespace": "other"}, "NotOfThisObject"),
        ({"bundle": b"no bundle"}, "Malformed"),
    ],
)
async def test_an_object_that_says_something_else_counts_nothing(
    signer: FileSigner, tmp_path: Path, changed: dict[str, Any], reason: str
) -> None:
    checks = _checks(tmp_path, sample_approvals.entry(signer, USER))
    (facts,) = (await checks.look([_object(**{"bundle": sample_approvals.bundle(signer), **changed})])).found
    assert facts.reason == reason
    assert facts.refused


async def test_an_approval_of_another_kind_counts_nothing(signer: FileSigner, tmp_path: Path) -> None:
    bundle = sample_approvals.bundle(signer, object=OBJECT.model_copy(update={"kind": "SnapshotCapture"}))
    (facts,) = (await _checks(tmp_path, sample_approvals.entry(signer, USER)).look([_object(bundle)])).found
    assert facts.reason == "NotOfThisObject"


async def test_a_key_that_is_taken_out_approves_nothing_from_then_on(signer: FileSigner, tmp_path: Path) -> None:
    checks, approval = _checks(tmp_path, sample_approvals.entry(signer, USER)), _object(sample_approvals.bundle(signer))
    assert not (await checks.look([approval])).found[0].refused
    for entry in (
        sample_approvals.entry(signer, "bob@example.com"),
        sample_approvals.entry(signer, USER, revokedFrom="2026-01-01T00:00:00Z"),
        {"publicKey": signer.public_key.pem()},
    ):
        _checks(tmp_path, entry)
        assert (await checks.look([approval])).found[0].refused
    _checks(tmp_path, sample_approvals.entry(signer, USER))
    assert not (await checks.look([approval])).found[0].refused


async def test_a_keyring_that_is_not_there_is_trouble_and_no_refusal(tmp_path: Path) -> None:
    checks = ApprovalChecks(_policy().model_copy(update={"keyring": str(tmp_path / "none.json")}))
    found = await checks.look([_object()])
    assert found.found == ()
    assert "none.json cannot be read" in found.trouble


_GOOD = ApprovalFacts(
    "one",
    user=USER,
    configuration=CONFIGURATION,
    uid=OBJECT.uid,
    attestation=DIGEST,
    key=DIGEST,
    signed=NOW,
    not_after=NOW + timedelta(seconds=60),
)


@pytest.mark.parametrize(
    ("facts", "reason", "ready", "stalled", "words"),
    [
        (_GOOD, "Verified", "True", "False", USER),
        (replace(_GOOD, not_after=NOW - timedelta(seconds=1)), "Expired", "False", "True", "approved again"),
        (replace(_GOOD, signed=NOW + timedelta(days=1)), "NotYetValid", "False", "True", "both clocks"),
        (ApprovalFacts("one", "a key of nobody's", "NotTrusted"), "NotTrusted", "False", "True", "a key of nobody's"),
    ],
)
def test_where_an_approval_stands_is_said(
    facts: ApprovalFacts, reason: str, ready: str, stalled: str, words: str
) -> None:
    wanted = plan_approval(ObservedApproval(_object(), FoundApprovals((facts,))), _policy(), NOW)
    assert _condition(wanted)["reason"] == reason
    assert (_condition(wanted)["status"], _condition(wanted, "Stalled")["status"]) == (ready, stalled)
    assert words in _condition(wanted)["message"]
    assert wanted.status is not None
    assert ("key" in wanted.status) == (not facts.refused)


def test_an_approval_is_looked_at_when_its_time_ends() -> None:
    wanted = plan_approval(ObservedApproval(_object(), FoundApprovals((_GOOD,))), _policy(), NOW)
    assert wanted.look_again_at == NOW + timedelta(seconds=61)
    endless = plan_approval(
        ObservedApproval(_object(), FoundApprovals((replace(_GOOD, not_after=None),))), _policy(), NOW
    )
    assert endless.look_again_at == NOW + timedelta(seconds=300), "the keyring may have changed by then"


def test_an_approval_that_nobody_asks_for_says_so() -> None:
    wanted = plan_approval(ObservedApproval(_object()), None, NOW)
    assert _condition(wanted)["reason"] == "NoApprovers"
    assert plan_approval(ObservedApproval(_object()), _policy(), NOW).needs == (Need(Fact.APPROVALS),)
    assert plan_approval(ObservedApproval(_object(user="")), _policy(), NOW).status is not None
