"""Parameters of policies are checked when they are written, by their schema: a policy reads none that are malformed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.integration.policies.tables.live_trading import LIVE_PARAMETERS
from tests.integration.policies.trials import ADMISSION, PARAMETERS, PARAMETERS_VERSION

if TYPE_CHECKING:
    from tests.integration.policies.server import Answer, Server

SHIPPED = sorted(ADMISSION.glob("*/parameters.yaml"))


def _written(server: Server, spec: dict[str, Any]) -> Answer:
    body = {"apiVersion": PARAMETERS_VERSION, "kind": "AdmissionParameters", "metadata": {"name": "x"}, "spec": spec}
    return server.ask("POST", f"{PARAMETERS}?dryRun=All&fieldValidation=Strict", body)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_those_that_are_shipped_are_of_the_form(server: Server, path: Any) -> None:
    assert _written(server, yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]).words == ""
    assert len(SHIPPED) == 5


@pytest.mark.parametrize("amount", ["0", "0.000000001", "999999999999999999.999999999", "000.10"])
@pytest.mark.parametrize("name", ["maxCapital", "maxLeverage", "maxOrderNotional", "maxDailyLoss"])
def test_amounts_of_18_and_9_digits_are_taken(server: Server, name: str, amount: str) -> None:
    assert _written(server, {"liveTrading": LIVE_PARAMETERS | {name: amount}}).words == ""


@pytest.mark.parametrize(
    "amount", ["much", "1k", "1e3", "-1", " 1", "1 ", "", "1.", ".5", "1000000000000000000", "0.0000000001", 5]
)
@pytest.mark.parametrize("name", ["maxCapital", "maxLeverage", "maxOrderNotional", "maxDailyLoss"])
def test_other_amounts_are_refused(server: Server, name: str, amount: Any) -> None:
    assert f"liveTrading.{name}" in _written(server, {"liveTrading": LIVE_PARAMETERS | {name: amount}}).words


@pytest.mark.parametrize("name", sorted(LIVE_PARAMETERS))
def test_live_trading_is_stated_in_full(server: Server, name: str) -> None:
    stated = {key: value for key, value in LIVE_PARAMETERS.items() if key != name}
    assert f"liveTrading.{name}: Required value" in _written(server, {"liveTrading": stated}).words


@pytest.mark.parametrize("group", ["system:authenticated", "system:unauthenticated", "system:serviceaccounts"])
@pytest.mark.parametrize("name", ["groups", "approverGroups"])
def test_no_group_is_named_that_everybody_is_in(server: Server, name: str, group: str) -> None:
    answer = _written(server, {"liveTrading": LIVE_PARAMETERS | {name: ["desk", group]}})
    assert "may not name a group that everybody is in" in answer.words


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"imageSources": {"registries": ["registry.example"]}}, "registries[0]"),
        ({"imageSources": {"registries": ["/"]}}, "registries[0]"),
        ({"imageSources": {"registries": [""]}}, "registries[0]"),
        ({"imageSources": {"registries": ["registry.example/../"]}}, "registries[0]"),
        ({"imageSources": {"registries": ["registry.example/team"]}}, "registries[0]"),
        ({"imageSources": {}}, "registries: Required value"),
        ({"resources": {"maxCpu": "two", "maxMemory": "1Gi"}}, "must be a quantity"),
        ({"resources": {"maxCpu": "2", "maxMemory": "1GB"}}, "must be a quantity"),
        ({"resources": {"maxCpu": "2"}}, "maxMemory: Required value"),
        ({"resources": {"maxMemory": "1Gi"}}, "maxCpu: Required value"),
        ({"architectures": ["x86_64"]}, "architectures[0]"),
        ({"tenancy": {"labels": {}}}, "tenancy.labels"),
        ({"tenancy": {}}, "labels: Required value"),
        ({"liveTrading": LIVE_PARAMETERS | {"users": [""]}}, "users[0]"),
        ({"other": {}}, "unknown field"),
    ],
)
def test_what_is_malformed_is_refused(server: Server, spec: dict[str, Any], words: str) -> None:
    assert words in _written(server, spec).words
