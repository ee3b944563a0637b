"""Schemas are strict, whole, and lie where kubeconform looks for them."""

from typing import Any

import pytest

from tests.scan.schemas import definitions_of, of_crd, of_openapi, path_of, strict

META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
DOCUMENT: dict[str, Any] = {
    "definitions": {
        META: {"type": "object", "properties": {"name": {"type": "string"}}},
        QUANTITY: {"type": "string"},
        "Spec": {"type": "object", "properties": {"cpu": {"$ref": f"#/definitions/{QUANTITY}"}}},
        "Unrelated": {"type": "object", "properties": {}},
        "Thing": {
            "type": "object",
            "properties": {
                "metadata": {"$ref": f"#/definitions/{META}"},
                "things": {"type": "array", "items": {"$ref": "#/definitions/Thing"}},
                "spec": {"$ref": "#/definitions/Spec"},
            },
            "x-kubernetes-group-version-kind": [
                {"group": "", "version": "v1", "kind": "Thing"},
                {"group": "apps.example", "version": "v2", "kind": "Thing"},
            ],
        },
    }
}
DEFINITIONS = definitions_of(DOCUMENT)


@pytest.mark.parametrize(
    ("api_version", "place"), [("v1", "v1/pod_v1.json"), ("apps.example/v1beta1", "apps.example/pod_v1beta1.json")]
)
def test_a_schema_lies_by_group_kind_and_version(api_version: str, place: str) -> None:
    assert path_of(api_version, "Pod") == place


def test_a_kind_has_all_that_it_refers_to_and_nothing_else() -> None:
    found = of_openapi(DEFINITIONS)
    assert set(found) == {"v1/thing_v1.json", "apps.example/thing_v2.json"}
    assert set(found["v1/thing_v1.json"]["definitions"]) == {META, QUANTITY, "Spec", "Thing"}


def test_fields_that_are_not_named_are_refused() -> None:
    found = of_openapi(DEFINITIONS)["v1/thing_v1.json"]
    assert found["additionalProperties"] is False
    assert found["definitions"]["Spec"]["additionalProperties"] is False


def test_a_quantity_may_be_a_number() -> None:
    assert of_openapi(DEFINITIONS)["v1/thing_v1.json"]["definitions"][QUANTITY] == {"type": ["string", "number"]}


def test_within_arrays_and_maps_it_is_strict_as_well() -> None:
    inner = {"type": "object", "properties": {"a": {"type": "string"}}}
    made = strict({"properties": {"list": {"items": inner}, "map": {"additionalProperties": inner}}})
    assert made["properties"]["list"]["items"]["additionalProperties"] is False
    assert made["properties"]["map"]["additionalProperties"]["additionalProperties"] is False
    assert made["additionalProperties"] is False


@pytest.mark.parametrize(
    "open_ended",
    [
        {"type": "object"},
        {"type": "object", "properties": {"a": {}}, "x-kubernetes-preserve-unknown-fields": True},
        {"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "string"}},
    ],
)
def test_what_takes_any_field_stays_open(open_ended: dict[str, Any]) -> None:
    assert strict(open_ended).get("additionalProperties") is not False


def test_a_field_that_is_called_properties_is_no_schema_of_fields() -> None:
    made = strict({"properties": {"properties": {"type": "string"}}})
    assert made["properties"]["properties"] == {"type": "string"}


def test_integers_and_text_where_either_will_do_and_null_where_it_may_be() -> None:
    assert strict({"x-kubernetes-int-or-string": True}) == {"type": ["string", "integer"]}
    assert strict({"type": "string", "nullable": True})["type"] == ["string", "null"]


def test_a_custom_resource_has_the_metadata_of_kubernetes_in_each_version() -> None:
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "properties": {}}}}}
    versions = [{"name": name, "schema": schema} for name in ("v1", "v2")]
    crd = {"spec": {"group": "tradeplane.dev", "names": {"kind": "Strategy"}, "versions": versions}}
    found = of_crd(crd, DEFINITIONS)
    assert set(found) == {"tradeplane.dev/strategy_v1.json", "tradeplane.dev/strategy_v2.json"}
    assert set(found["tradeplane.dev/strategy_v1.json"]["properties"]) == {"spec", "apiVersion", "kind", "metadata"}
    assert found["tradeplane.dev/strategy_v2.json"]["additionalProperties"] is False
