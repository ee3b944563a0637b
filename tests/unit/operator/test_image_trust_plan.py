"""Where images must be attested nothing is started by one that is not, and what goes on is left alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tradeplane_api.strategy import ImageManifest, StrategyStatus
from tradeplane_operator.planning.documents import read_status
from tradeplane_operator.planning.image_trust import ImageEnd, ImageFacts
from tradeplane_operator.planning.observed import Observed
from tradeplane_operator.planning.replay import ObservedReplay
from tradeplane_operator.planning.replay import plan as plan_replay
from tradeplane_operator.planning.strategy import plan
from tradeplane_operator.planning.wanted import Fact, Need
from tradeplane_operator.running.attestations import execution_of
from tradeplane_operator.settings import Images, ImageTrust

from tests.unit.operator import replay_planning
from tests.unit.operator.paper_simulation import Server, SimulatedOperator
from tests.unit.operator.simulation import SETTINGS
from tests.unit.operator.test_strategy_plan import NOW, READY, _condition, _Everything, _job, _resource

if TYPE_CHECKING:
    from datetime import datetime

    from tradeplane_operator.observing.keys import Key
    from tradeplane_operator.planning.wanted import Plan

IMAGE = "registry.example/runner@sha256:" + "0" * 64
OTHER = "registry.example/team/own@sha256:" + "1" * 64
ATTESTATION = "sha256:" + "a" * 64
TRUST = ImageTrust(keyring="/etc/tradeplane-trust/keyring.json")
POLICY = SETTINGS.model_copy(
    update={"images": Images(default=IMAGE, registries=("registry.example/",), attested=TRUST)}
)
LOOKING = ImageFacts(ImageEnd.LOOKING, NOW)
MANIFESTS = tuple(
    ImageManifest(platform=f"linux/{arch}", digest=f"sha256:{digit * 64}", attestation=f"sha256:{digit * 64}")
    for arch, digit in (("amd64", "b"), ("arm64", "c"))
)
ATTESTED = ImageFacts(ImageEnd.ATTESTED, NOW, attestation=ATTESTATION, manifests=MANIFESTS)
AWAY = ImageFacts(ImageEnd.UNAVAILABLE, NOW, 2, "RegistryUnavailable", "registry.example cannot be reached")
REFUSED = ImageFacts(ImageEnd.REFUSED, NOW, 1, "NotAttested", "nothing attests it")


def _plan(resource: dict[str, Any], facts: ImageFacts | None = None, image: str = IMAGE, now: datetime = NOW) -> Plan:
    images = {} if facts is None else {image: facts}
    observed = Observed(resource=resource, snapshot=READY, admitted=_Everything(), images=images)
    return plan(observed, POLICY, now)


def _started(**spec: Any) -> dict[str, Any]:
    """Return the status of a Strategy whose run was started by an attested image."""
    status = _plan(_resource(**spec), ATTESTED).status
    assert status is not None
    return dict(status)


def test_an_image_is_looked_at_before_anything_is_started() -> None:
    wanted = _plan(_resource())
    assert wanted.needs == (Need(Fact.IMAGE, IMAGE),)
    assert wanted.create == ()


def test_what_let_a_run_be_started_is_recorded_with_it() -> None:
    wanted = _plan(_resource(), ATTESTED)
    assert wanted.status is not None
    assert wanted.status["latest"]["imageAttestation"] == ATTESTATION
    assert len(wanted.create) == 1


@pytest.mark.parametrize(
    ("architecture", "recorded"), [("amd64", MANIFESTS[:1]), ("arm64", MANIFESTS[1:]), ("Any", MANIFESTS)]
)
def test_what_the_image_is_on_each_processor_asked_for_is_recorded_as_well(
    architecture: str, recorded: tuple[ImageManifest, ...]
) -> None:
    wanted = _plan(_resource(architecture=architecture), ATTESTED)
    assert wanted.status is not None
    run = read_status(StrategyStatus, {"status": wanted.status}).latest
    assert run is not None
    assert run.image_manifests == recorded
    assert execution_of(run, "https://example.com/builder").image_manifests == recorded


def test_of_an_image_that_is_not_for_the_processor_asked_for_nothing_more_is_recorded() -> None:
    found = replace(ATTESTED, manifests=MANIFESTS[:1])
    wanted = _plan(_resource(architecture="arm64"), found)
    assert wanted.status is not None
    assert "imageManifests" not in wanted.status["latest"]


def test_the_image_that_a_strategy_names_is_the_one_that_is_looked_at() -> None:
    assert _plan(_resource(image=OTHER), ATTESTED).needs == (Need(Fact.IMAGE, OTHER),)
    assert len(_plan(_resource(image=OTHER), ATTESTED, OTHER).create) == 1


@pytest.mark.parametrize(
    ("facts", "reason", "stalled", "words"),
    [
        (LOOKING, "VerifyingImage", "False", "is being verified"),
        (AWAY, "RegistryUnavailable", "False", "registry.example cannot be reached; tried again"),
        (REFUSED, "ImageNotAttested", "True", "nothing attests it; have it attested by a trusted key"),
    ],
)
def test_why_nothing_is_started_is_said(facts: ImageFacts, reason: str, stalled: str, words: str) -> None:
    wanted = _plan(_resource(), facts)
    assert wanted.status is not None
    assert wanted.create == ()
    assert "latest" not in wanted.status
    assert "pinned" not in wanted.status
    assert _condition(wanted, "Ready")["reason"] == reason
    assert _condition(wanted, "Stalled")["status"] == stalled
    assert words in _condition(wanted, "Ready")["message"]
    assert IMAGE in _condition(wanted, "Ready")["message"]


@pytest.mark.parametrize(("facts", "seconds"), [(AWAY, 10), (REFUSED, 300)])
def test_it_is_looked_at_again_after_a_pause(facts: ImageFacts, seconds: int) -> None:
    assert _plan(_resource(), facts).look_again_at == NOW + timedelta(seconds=seconds)


def test_what_was_found_stands_for_a_while() -> None:
    assert ATTESTED.stands_until(TRUST) == NOW + timedelta(hours=1)


@pytest.mark.parametrize("facts", [None, LOOKING, AWAY, REFUSED])
def test_what_goes_on_is_left_alone(facts: ImageFacts | None) -> None:
    """An image that lost its trust stops what comes next, and not the run that is under way."""
    before = _started()
    job = _job(before["latest"]["name"])
    images = {} if facts is None else {IMAGE: facts}
    wanted = plan(Observed(_resource(before), {job.name: job}, READY, images=images), POLICY, NOW)
    assert wanted.status is not None
    assert wanted.needs == ()
    assert wanted.status["latest"]["outcome"] == "Running"
    assert wanted.status["latest"]["imageAttestation"] == ATTESTATION


@pytest.mark.parametrize("spec", [{"rerun": 1}, {"capital": "2"}])
def test_the_next_run_is_not_started_by_an_image_that_lost_its_trust(spec: dict[str, Any]) -> None:
    before = _started()
    before["latest"] = {**before["latest"], "outcome": "Succeeded"}
    changed = _resource(before, generation=2, **spec)
    refused = _plan(changed, REFUSED)
    assert refused.status is not None
    assert refused.create == ()
    assert refused.status["latest"] == before["latest"]
    assert _condition(refused, "Ready")["reason"] == "ImageNotAttested"
    assert refused.status["observedRerun"] == 0
    again = _resource(refused.status, generation=2, **spec)
    assert len(_plan(again, ATTESTED).create) == 1, "and it is started once the image is trusted again"


def test_a_scheduled_run_waits_for_the_image() -> None:
    schedule: dict[str, Any] = {"schedule": {"cron": "0 * * * *", "startingDeadlineSeconds": 3600}}
    before = _started(**schedule)
    before["latest"] = {**before["latest"], "outcome": "Succeeded"}
    due = NOW + timedelta(hours=1, seconds=1)
    waiting = _plan(_resource(before, **schedule), REFUSED, now=due)
    assert waiting.status is not None
    assert waiting.create == ()
    assert waiting.status["nextScheduleTime"] == before["nextScheduleTime"]
    again = _plan(_resource(waiting.status, **schedule), ATTESTED, now=due)
    assert len(again.create) == 1


def test_where_nothing_is_asked_of_images_none_is_looked_at() -> None:
    observed = Observed(resource=_resource(), snapshot=READY, admitted=_Everything())
    wanted = plan(observed, SETTINGS, NOW)
    assert wanted.status is not None
    assert "imageAttestation" not in wanted.status["latest"]
    assert "imageManifests" not in wanted.status["latest"]


@given(facts=st.sampled_from([LOOKING, AWAY, REFUSED]), rerun=st.integers(0, 3), generation=st.integers(1, 4))
def test_whatever_is_asked_nothing_is_started_by_an_image_that_is_not_trusted(
    facts: ImageFacts, rerun: int, generation: int
) -> None:
    for before in ({}, {**_started(), "latest": {**_started()["latest"], "outcome": "Failed"}}):
        wanted = _plan(_resource(before, generation=generation, rerun=rerun), facts)
        assert wanted.create == ()
        assert wanted.needs == ()


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ({}, "needs registries"),
        ({"registries": ("registry.example",)}, "needs registries"),
        ({"registries": ("registry.example/", "")}, "needs registries"),
        ({"registries": ("registry.example/",), "require_digest": False}, "needs requireDigest"),
    ],
)
def test_a_policy_by_which_a_tenant_could_name_a_host_is_refused(images: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Images(default=IMAGE, attested=TRUST, **images)


class _Checks:
    """Says of every image what it is told to."""

    def __init__(self, facts: ImageFacts) -> None:
        self.facts = facts
        self.asked: list[str] = []

    def look(self, image: str, _key: Key) -> ImageFacts:
        self.asked.append(image)
        return self.facts


def test_nothing_is_traded_by_an_image_that_is_not_attested() -> None:
    server = Server()
    operator = SimulatedOperator(server)
    checks = _Checks(REFUSED)
    operator.strategies.settings, operator.strategies.images = POLICY, checks  # type: ignore[assignment]
    operator.step()
    assert server.sets == {}
    assert server.condition()["reason"] == "ImageNotAttested"
    assert set(checks.asked) == {IMAGE}
    checks.facts = ATTESTED
    operator.step()
    operator.step()
    assert len(server.sets) == 1


@pytest.mark.parametrize("facts", [LOOKING, AWAY, REFUSED])
def test_nothing_is_replayed_by_an_image_that_is_not_attested(facts: ImageFacts) -> None:
    """The image of a replay is that of the run, which may have lost its trust since."""

    def planned(found: ImageFacts | None = None) -> Plan:
        seen = {} if found is None else {replay_planning.IMAGE: found}
        cluster = Observed(replay_planning.resource(), admitted=replay_planning.Everything(), images=seen)
        return plan_replay(ObservedReplay(cluster, replay_planning.STRATEGY, {}), POLICY, NOW)

    assert planned().needs == (Need(Fact.IMAGE, replay_planning.IMAGE),)
    refused = planned(found=facts)
    assert refused.create == ()
    assert refused.status is not None
    assert "pinned" not in refused.status
    assert len(planned(found=ATTESTED).create) == 2
