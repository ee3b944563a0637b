"""The pods of a session: restricted, told what the record says, on one volume, and the store for the closing alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_api.paper import PAPER_VARIABLE, SESSIONS_VARIABLE
from tradeplane_api.probe import CREDENTIALS_VARIABLE
from tradeplane_api.run import STORE_VARIABLE
from tradeplane_api.strategy import StrategySpec
from tradeplane_operator.planning.connecting import connection_view
from tradeplane_operator.planning.paper_names import claim_name
from tradeplane_operator.planning.paper_pins import begun, closing_begun
from tradeplane_operator.planning.paper_pods import Placement, build_closing, build_trader

from tests.unit.operator.paper_simulation import CLAIM, SPEC, UID, Closing, connection
from tests.unit.operator.simulation import NAMESPACE, SETTINGS

if TYPE_CHECKING:
    from tradeplane_api.session import SessionStatus

Json = dict[str, Any]
METADATA = {"name": "maker", "namespace": NAMESPACE, "uid": UID, "generation": 1}
NOW = "2026-03-01T12:00:00Z"


def _session(spec: Json = SPEC, **connected: Any) -> SessionStatus:
    return begun(METADATA, StrategySpec.model_validate(spec), connection_view(connection(**connected)), None, SETTINGS)


def _trader(session: SessionStatus, placement: Placement | None = None) -> Json:
    return build_trader(METADATA, session, placement or Placement.of(None), SETTINGS, replicas=1)


def _closing(session: SessionStatus, way: Closing = Closing.FLATTEN) -> Json:
    closing = closing_begun(METADATA, session, way, "a test", NOW).closing
    assert closing is not None
    return build_closing(METADATA, session, closing, "default", Placement.of(None), SETTINGS)


def _pod(made: Json) -> Json:
    pod: Json = made["spec"]["template"]["spec"]
    return pod


def _variables(made: Json) -> dict[str, str]:
    (container,) = _pod(made)["containers"]
    return {each["name"]: each.get("value", "") for each in container["env"]}


@pytest.mark.parametrize("build", [_trader, _closing])
def test_no_pod_can_gain_anything(build: Any) -> None:
    pod = _pod(build(_session()))
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_both_are_told_the_same_and_have_the_same_volume() -> None:
    session = _session()
    trader, closing = _trader(session), _closing(session)
    assert _variables(trader)[PAPER_VARIABLE] == _variables(closing)[PAPER_VARIABLE] == session.specification
    assert _variables(trader)[SESSIONS_VARIABLE] == _variables(closing)[SESSIONS_VARIABLE] == "/sessions"
    (template,) = trader["spec"]["volumeClaimTemplates"]
    assert f"{template['metadata']['name']}-{trader['metadata']['name']}-0" == CLAIM == claim_name("maker", UID)
    assert {"name": "sessions", "persistentVolumeClaim": {"claimName": CLAIM}} in _pod(closing)["volumes"]
    assert trader["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Retain"


def test_the_store_is_for_the_closing_alone() -> None:
    session = _session()
    assert STORE_VARIABLE not in _variables(_trader(session))
    assert _trader(session)["spec"]["template"]["metadata"]["labels"]["tradeplane.dev/store"] == "none"
    assert _variables(_closing(session))[STORE_VARIABLE] == "file:///store"
    assert _variables(_closing(session))["TRADEPLANE_IMAGE"] == session.image, "which is told with what it seals"
    assert "TRADEPLANE_IMAGE" not in _variables(_trader(session)), "a trader that runs is not started again for it"


@pytest.mark.parametrize("way", list(Closing))
def test_a_closing_is_told_its_way_and_its_limit(way: Closing) -> None:
    session = _session({**SPEC, "session": {"symbols": ["BTCUSDT"], "closingSeconds": 45}})
    job = _closing(session, way)
    (container,) = _pod(job)["containers"]
    assert container["command"][-4:] == ["--close", way.value, "--within", "45"]
    assert job["spec"]["activeDeadlineSeconds"] == 45 + SETTINGS.pace.closing_grace_seconds
    assert job["spec"]["template"]["metadata"]["labels"]["tradeplane.dev/role"] == "trader"


@pytest.mark.parametrize("build", [_trader, _closing])
@pytest.mark.parametrize("secret", [None, "keys"])
def test_the_secret_is_mounted_where_there_is_one_and_may_be_missing(build: Any, secret: str | None) -> None:
    reference = {} if secret is None else {"credentialsSecretRef": {"name": secret}}
    made = build(_session(**reference))
    volumes = [volume["secret"] for volume in _pod(made)["volumes"] if "secret" in volume]
    assert [(volume["secretName"], volume["optional"]) for volume in volumes] == (
        [] if secret is None else [("keys", True)]
    )
    assert (CREDENTIALS_VARIABLE in _variables(made)) == (secret is not None)


def test_nothing_in_a_parameter_is_expanded_by_the_kubelet() -> None:
    algorithm = {"name": "market-maker", "parameters": {"note": "$(TRADEPLANE_SESSIONS)"}}
    assert (
        '"$$(TRADEPLANE_SESSIONS)"' in _variables(_trader(_session({**SPEC, "algorithm": algorithm})))[PAPER_VARIABLE]
    )


def test_a_volume_is_of_the_size_and_the_class_asked_for() -> None:
    volume = {"size": "5Gi", "storageClassName": "fast"}
    trader = _trader(_session({**SPEC, "session": {"symbols": ["BTCUSDT"], "volume": volume}}))
    (template,) = trader["spec"]["volumeClaimTemplates"]
    assert template["spec"]["storageClassName"] == "fast"
    assert template["spec"]["resources"] == {"requests": {"storage": "5Gi"}}


def test_a_trader_runs_where_its_spec_says() -> None:
    spec = StrategySpec.model_validate({**SPEC, "architecture": "arm64", "resources": {"limits": {"memory": "2Gi"}}})
    trader = _trader(_session(), Placement.of(spec))
    assert _pod(trader)["nodeSelector"] == {"kubernetes.io/arch": "arm64"}
    assert _pod(trader)["containers"][0]["resources"]["limits"] == {"memory": "2Gi"}
    assert _pod(trader)["restartPolicy"] == "Always"


def test_a_selector_never_changes_with_what_is_asked() -> None:
    one, other = _trader(_session()), _trader(_session({**SPEC, "capital": "2"}))
    assert one["spec"]["selector"] == other["spec"]["selector"]
    assert one["spec"]["volumeClaimTemplates"] == other["spec"]["volumeClaimTemplates"]
    labels = one["spec"]["template"]["metadata"]["labels"]
    assert one["spec"]["selector"]["matchLabels"].items() <= labels.items()
