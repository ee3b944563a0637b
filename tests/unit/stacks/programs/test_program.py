"""A stack's configuration is read whole before anything is made, and told with each field that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_stacks.components.signing_key import SigningKeyConfig
from tradeplane_stacks.programs.platform import PLATFORM
from tradeplane_stacks.programs.program import ConfigurationRefused, Fault

FOLDER = Path(__file__).parents[4] / "stacks" / "platform"
START = "tradeplane-platform:"
OWNERSHIP = {"owner": "desk", "cost_center": "cc-7", "data_classification": "restricted"}


def values(stack: str, **changes: Any) -> dict[str, str]:
    """Return the example of a stack as Pulumi hands it to a program, with top-level keys changed or, by None, gone."""
    settings = yaml.safe_load((FOLDER / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    own = {key.removeprefix(START): value for key, value in settings.items() if key.startswith(START)} | changes
    return {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in own.items() if value is not None
    }


def faults(given_values: dict[str, str]) -> dict[str, str]:
    with pytest.raises(ConfigurationRefused) as refused:
        PLATFORM.read("prod", given_values)
    return {fault.field: fault.message for fault in refused.value.faults}


@pytest.mark.parametrize(("stack", "regions"), [("dev", ("eu-west-1",)), ("prod", ("eu-west-1", "us-east-1"))])
def test_the_examples_are_valid(stack: str, regions: tuple[str, ...]) -> None:
    found = PLATFORM.read(stack, values(stack))["signing_key"]
    assert isinstance(found, SigningKeyConfig)
    assert found.regions == regions


def test_what_is_shared_is_taken_where_a_part_does_not_say_it() -> None:
    key = json.loads(values("dev")["signing_key"])
    found = PLATFORM.read("dev", values("dev", ownership=OWNERSHIP))["signing_key"]
    assert isinstance(found, SigningKeyConfig)
    assert found.ownership.owner == "desk"
    own = values("dev", signing_key=key | {"ownership": OWNERSHIP | {"owner": "security"}})
    found = PLATFORM.read("dev", own)["signing_key"]
    assert isinstance(found, SigningKeyConfig)
    assert found.ownership.owner == "security"


def test_a_field_that_is_missing_is_named() -> None:
    assert faults(values("prod", ownership=None)) == {f"{START}signing_key.ownership": "Field required"}


def test_a_shared_field_that_is_wrong_is_named_where_it_is_taken() -> None:
    wrong = faults(values("prod", ownership=OWNERSHIP | {"owner": "two words"}))
    assert list(wrong) == [f"{START}signing_key.ownership.owner"]


def test_every_field_that_is_wrong_is_named_at_once() -> None:
    key = json.loads(values("prod")["signing_key"])
    wrong = faults(
        values("prod", signing_key=key | {"primary_region": "eu-west-9", "deletion_window_days": "long"}, registry="x")
    )
    assert set(wrong) == {
        f"{START}registry",
        f"{START}signing_key.primary_region",
        f"{START}signing_key.deletion_window_days",
    }
    assert "there are " in wrong[f"{START}registry"]
    assert "signing_key" in wrong[f"{START}registry"]


@pytest.mark.parametrize("key", ["text", '["a"]'])
def test_a_part_is_an_object(key: str) -> None:
    assert faults(values("prod") | {"signing_key": key}) == {
        f"{START}signing_key": "is to be an object of fields, not text or a list"
    }


def test_nothing_configured_is_refused() -> None:
    assert faults(values("prod", signing_key=None)) == {
        "tradeplane-platform": "nothing is configured; give signing_key"
    }
    assert faults({}) == {"tradeplane-platform": "nothing is configured; give signing_key"}


def test_what_only_begins_as_json_is_refused_by_its_key() -> None:
    wrong = faults(values("prod") | {"ownership": "{owner: desk}"})
    assert f"{START}ownership" in wrong


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=30), max_size=4))
def test_whatever_is_given_is_read_or_refused_with_its_fields(given_values: dict[str, str]) -> None:
    refused: tuple[Fault, ...] = ()
    try:
        PLATFORM.read("dev", values("dev") | given_values)
    except ConfigurationRefused as error:
        refused = error.faults
    unknown = given_values.keys() - {"signing_key", *SigningKeyConfig.model_fields}
    assert {f"{START}{key}" for key in unknown} <= {fault.field for fault in refused}
    assert all(fault.field.startswith("tradeplane-platform") and fault.message for fault in refused)
