"""Values that a chart has from the start, the schema of others, and versions as Helm takes them."""

from __future__ import annotations

import pytest
import yaml
from pydantic import BaseModel
from tradeplane_stacks.chart.charts import semantic
from tradeplane_stacks.chart.platform import LEFT_OUT, PROBES
from tradeplane_stacks.chart.values import schema, values
from tradeplane_stacks.components.platform_config import PlatformConfig
from tradeplane_stacks.deployment import DeployedImages

from tests.unit.stacks.components.platforms import OPERATOR, WORKLOADS

# What the model checks beyond forms, by where a chart does: in its schema (chart/values.py), in a template that fails,
# or nowhere since it takes no such field.
CHECKED = {
    "PlatformConfig._each_once": "templates/checks.yaml",
    "PlatformConfig._namespaces_can_work": "templates/checks.yaml",
    "PlatformConfig._parts_fit": "templates/checks.yaml, but for queues.workers, which is left out",
    "RunsNamespace._of_nobody_else": "chart/values.py",
    "Evidence._of_sigstore": "chart/values.py",
    "Evidence._of_docker": "left out",
    "Evidence._fits_the_signer": "templates/checks.yaml, but for signing_key, which is left out",
    "LedgerDatabase._verified": "left out",
    "LedgerDatabase._certificate_is_there": "left out",
    "VolumeHeads._used": "left out",
    "S3Heads._used": "left out",
    "Ledger._one_port": "left out with the database",
    "Queues._one_way": "left out with workers",
}


def models(model: type[BaseModel]) -> set[type[BaseModel]]:
    """Return a model and those that its schema refers to."""
    named = {model.__name__, *model.model_json_schema().get("$defs", {})}
    below = {one for base in BaseModel.__subclasses__() for one in _all_below(base)}
    return {one for one in below if one.__name__ in named and one.__module__.startswith("tradeplane_stacks.components")}


def _all_below(model: type[BaseModel]) -> set[type[BaseModel]]:
    return {model}.union(*(_all_below(one) for one in model.__subclasses__()))


def test_what_the_model_checks_beyond_forms_is_checked_by_the_charts_too() -> None:
    found = {
        f"{model.__name__}.{name}"
        for model in models(PlatformConfig)
        for kind in ("model_validators", "field_validators")
        for name in getattr(model.__pydantic_decorators__, kind)
    }
    assert found == set(CHECKED)


def test_a_chart_has_the_defaults_of_the_configuration_and_the_images_of_a_release() -> None:
    assert "images" not in yaml.safe_load(values(None))
    found = yaml.safe_load(values(DeployedImages(OPERATOR, WORKLOADS)))
    assert found["images"] == {"operator": OPERATOR, "workloads": WORKLOADS}
    assert found["limits"] == PlatformConfig.model_fields["limits"].default.model_dump()
    assert found["protected"] is True
    # A section that is left out is not there: Helm takes an empty one for one that is given.
    assert "evidence" not in found


def test_the_schema_has_no_field_that_no_chart_takes_and_asks_for_what_a_chart_needs() -> None:
    found = schema({"images", "limits"})
    assert found["required"] == ["images"]
    assert found["additionalProperties"] is False
    assert "rollout_seconds" not in found["properties"]
    assert "signing_key" not in found["$defs"]["Evidence"]["properties"]
    assert "signer" in found["$defs"]["Evidence"]["properties"]
    assert "not" in found["$defs"]["RunsNamespace"]["properties"]["name"]


def test_no_value_by_which_fields_are_told_apart_is_anothers() -> None:
    several = [repr(value) for pair in PROBES.values() for value in pair]
    assert len({*several}) == len(several)
    assert all(len(pair) == 2 for pair in PROBES.values())
    assert {*PROBES}.isdisjoint(LEFT_OUT)


@pytest.mark.parametrize(
    ("version", "wanted"),
    [("1.2.0", "1.2.0"), ("1.2.0rc1", "1.2.0-rc.1"), ("0.1.0a10", "0.1.0-a.10"), ("0.1.0b2", "0.1.0-b.2")],
)
def test_a_version_is_as_helm_takes_it(version: str, wanted: str) -> None:
    assert semantic(version) == wanted
