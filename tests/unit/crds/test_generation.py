"""The CRDs and the reference: what is checked in is what the models say, and no constraint is lost on the way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import pytest
import yaml
from pydantic import BaseModel, Field
from tradeplane_api import generate
from tradeplane_api.base import Document, NonNegativeDecimal
from tradeplane_api.conditions import UNSEEN, Condition
from tradeplane_api.forms import VALIDATIONS, Bounds
from tradeplane_api.generation.definitions import definition, definition_yaml, resource_schema
from tradeplane_api.generation.reference import reference_page
from tradeplane_api.generation.structural import as_status, structural
from tradeplane_api.kinds import KINDS, SNAPSHOT, STRATEGY, Kind
from tradeplane_api.strategy import StrategySpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradeplane_api.rules import Rule

ROOT = Path(__file__).parents[3]

kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def _nodes(path: str, schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from _nodes(f"{path}.{name}", child)
    if "items" in schema:
        yield from _nodes(f"{path}[]", schema["items"])


def test_what_is_checked_in_is_what_the_models_say(generated: dict[Path, str]) -> None:
    assert generate.stale(ROOT, generated) == []


@kinds
def test_the_text_of_a_definition_is_the_definition(kind: Kind) -> None:
    text = definition_yaml(kind)
    assert yaml.safe_load(text) == definition(kind)
    assert "&id" not in text


@kinds
def test_every_field_says_what_it_is(kind: Kind) -> None:
    schema = resource_schema(kind)["properties"]
    nodes = [node for part in ("spec", "status") for node in _nodes(part, schema[part])]
    assert [path for path, node in nodes if not node.get("description") and not path.endswith("[]")] == []


@kinds
def test_a_schema_has_no_null_and_no_reference(kind: Kind) -> None:
    for path, node in _nodes("", resource_schema(kind)):
        assert not {"anyOf", "oneOf", "allOf", "$ref", "nullable", "title", "const", "additionalProperties"} & set(
            node
        ), path
        assert "default" not in node or node["default"] is not None, path
        assert isinstance(node["type"], str), path


@kinds
def test_the_status_has_no_rules_and_the_spec_has(kind: Kind) -> None:
    schema = resource_schema(kind)["properties"]
    assert [path for path, node in _nodes("status", schema["status"]) if VALIDATIONS in node] == []
    assert [path for path, node in _nodes("spec", schema["spec"]) if VALIDATIONS in node]


@kinds
def test_a_new_object_is_not_ready(kind: Kind) -> None:
    status = resource_schema(kind)["properties"]["status"]
    assert status["default"] == {}
    conditions = status["properties"]["conditions"]
    assert [Condition.model_validate(entry) for entry in conditions["default"]] == [UNSEEN]
    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]


def test_defaults_of_the_schema_are_those_of_the_model() -> None:
    def fill(schema: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
        filled = dict(value)
        for name, child in schema.get("properties", {}).items():
            if name not in filled and "default" in child:
                filled[name] = child["default"]
            if isinstance(filled.get(name), dict):
                filled[name] = fill(child, filled[name])
        return filled

    asked = {"algorithm": {"name": "buy-and-hold"}, "snapshotRef": {"name": "sp500"}, "capital": "1"}
    filled = fill(structural(StrategySpec), asked)
    assert filled == StrategySpec.model_validate(asked).model_dump(mode="json", exclude_none=True)
    assert "costs" in filled
    assert filled["resources"]["limits"] == {"memory": "1Gi"}


def test_rules_of_a_base_hold_too() -> None:
    assert {rule.field for rule in StrategySpec.all_rules()} == {
        "schedule",
        "queueName",
        "snapshotRef",
        "connectionRef",
        "session",
        "rerun",
    }

    class Stricter(StrategySpec):
        rules: ClassVar[tuple[Rule, ...]] = ()

    assert Stricter.all_rules() == StrategySpec.all_rules()


def test_columns_name_fields_that_exist() -> None:
    for kind in KINDS:
        known = {path for path, _ in _nodes("", resource_schema(kind))}
        for column in kind.columns:
            plain = column.path.split("[?", maxsplit=1)[0]
            assert plain in known or plain == ".metadata.creationTimestamp", column


def test_columns_that_fit_a_terminal_come_without_wide() -> None:
    narrow = [column.name for column in STRATEGY.columns if not column.wide]
    assert narrow == ["Algorithm", "Mode", "Snapshot", "Ready", "Status", "Return", "Sharpe", "Drawdown", "Age"]
    assert [column.name for column in SNAPSHOT.columns][:2] == ["Ready", "Status"]


@kinds
def test_the_reference_shows_every_field_and_every_rule(kind: Kind) -> None:
    page = reference_page(kind)
    for path, node in _nodes("spec", resource_schema(kind)["properties"]["spec"]):
        assert path == "spec" or path.endswith("[]") or f"`{path.rsplit('.', 1)[-1]}`" in page
        for rule in node.get(VALIDATIONS, ()):
            assert rule["message"].replace("<", "&lt;") in page


def test_a_string_without_a_bound_is_an_error() -> None:
    class Unbounded(Document):
        words: str

    with pytest.raises(ValueError, match=r"Unbounded\.words: give the field a bound \(maxLength or enum\)"):
        structural(Unbounded)


def test_a_list_without_a_bound_is_an_error() -> None:
    class Unbounded(Document):
        numbers: tuple[Annotated[int, Field(ge=0)], ...]

    with pytest.raises(ValueError, match=r"Unbounded\.numbers: give the field a bound \(maxItems\)"):
        structural(Unbounded)


def test_a_map_without_a_bound_is_an_error() -> None:
    class Unbounded(Document):
        anything: dict[str, Any]

    with pytest.raises(ValueError, match=r"Unbounded\.anything: give the field a bound \(maxProperties\)"):
        structural(Unbounded)


def test_a_union_is_an_error() -> None:
    class Either(Document):
        either: Annotated[int, Field(le=1)] | Annotated[str, Field(max_length=1)]

    with pytest.raises(ValueError, match=r"Either\.either: a structural schema has no union of 2 types"):
        structural(Either)


def test_a_constraint_that_would_be_lost_is_an_error() -> None:
    class Divided(BaseModel):
        even: Annotated[int, Field(le=10, multiple_of=2)]

    with pytest.raises(ValueError, match=r"Divided\.even: no structural schema for multipleOf"):
        structural(Divided)


def test_integers_have_the_narrowest_format() -> None:
    properties = structural(StrategySpec)["properties"]
    assert properties["backoffLimit"]["format"] == "int32"
    assert properties["seed"]["format"] == "int64"


def test_rules_are_taken_from_lists_too() -> None:
    class Costed(Document):
        prices: Annotated[tuple[Annotated[NonNegativeDecimal, Bounds(above="0", hint="x")], ...], Field(max_length=2)]

    schema = structural(Costed)
    assert len(schema["properties"]["prices"]["items"][VALIDATIONS]) == 2
    assert VALIDATIONS not in as_status(schema)["properties"]["prices"]["items"]


@pytest.fixture(scope="module")
def generated() -> dict[Path, str]:
    """Give what is generated, which takes long enough to do it once."""
    return generate.generated()


@pytest.fixture
def checkout(tmp_path: Path, generated: dict[Path, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a checkout to which everything was written."""
    monkeypatch.setattr(generate, "generated", lambda: generated)
    (tmp_path / "crds" / "tradeplane_api").mkdir(parents=True)
    assert generate.main(["--root", str(tmp_path)]) == 0
    return tmp_path


def test_check_is_content_with_what_was_written(capsys: pytest.CaptureFixture[str], checkout: Path) -> None:
    assert "wrote crds/yaml/tradeplane.dev_strategies.yaml" in capsys.readouterr().out
    assert generate.main(["--check", "--root", str(checkout)]) == 0
    assert generate.main(["--root", str(checkout)]) == 0
    assert capsys.readouterr().out == ""


def test_check_names_what_was_edited_by_hand(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edited = checkout / "docs" / "reference" / "snapshot.md"
    edited.write_text(edited.read_text(encoding="utf-8") + "\nmore\n", encoding="utf-8")
    assert generate.main(["--check", "--root", str(checkout)]) == 1
    assert "docs/reference/snapshot.md is stale: run make generate" in capsys.readouterr().err


def test_check_names_what_is_missing(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "crds" / "yaml" / "tradeplane.dev_snapshots.yaml").unlink()
    assert generate.main(["--check", "--root", str(checkout)]) == 1
    assert "tradeplane.dev_snapshots.yaml is stale" in capsys.readouterr().err


def test_a_definition_of_a_kind_that_is_no_more_is_removed(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    left_over = checkout / "crds" / "yaml" / "tradeplane.dev_ideas.yaml"
    left_over.write_text("kind: CustomResourceDefinition\n", encoding="utf-8")
    kept = checkout / "crds" / "yaml" / "kustomization.yaml"
    kept.write_text("kind: Kustomization\n", encoding="utf-8")
    assert generate.main(["--check", "--root", str(checkout)]) == 1
    assert "tradeplane.dev_ideas.yaml is stale" in capsys.readouterr().err
    assert generate.main(["--root", str(checkout)]) == 0
    assert not left_over.exists()
    assert kept.exists()


def test_a_directory_that_is_no_checkout_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--root", str(tmp_path)]) == 2
    assert "is not the root of the repository" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
