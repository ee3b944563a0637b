"""A model as a structural OpenAPI v3 schema, the dialect of JSON schema that custom resource definitions take.

It has no references, no unions and no null: what pydantic writes as ``anyOf: [X, null]`` is here an optional X: the
API server reads an absent field and a null one alike. A keyword this module does not know is an error, so that
no constraint of a model is lost on the way; a string, list or map without a bound is one too, since the API server
prices CEL rules by the largest value a field may take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema

from tradeplane_api.base import Document
from tradeplane_api.forms import VALIDATIONS, JsonSchema

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import CoreSchema

_COPIED = (
    "type",
    "description",
    "enum",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "maxProperties",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    VALIDATIONS,
)
_DROPPED = ("title", "additionalProperties", "default", "properties", "required", "items")
"""Keywords without a place here, or written by this module in its own way."""

_BOUNDS = {"string": ("maxLength", "enum"), "array": ("maxItems",), "integer": ("maximum", "minimum")}
_MAX_INT32 = 2**31 - 1


class _WithFactories(GenerateJsonSchema):
    """JSON schema in which a default made by a factory is written too.

    It is written out in full: the API server checks a default against the CEL rules as it stands, before it fills in
    what is missing inside it.
    """

    def get_default_value(self, schema: CoreSchema) -> Any:
        if "default_factory" in schema and not schema.get("default_factory_takes_data"):
            return schema["default_factory"]()
        return super().get_default_value(schema)  # type: ignore[arg-type]

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, Document):
            return dft.model_dump(mode="json", exclude_none=True)
        return super().encode_default(dft)


def structural(model: type[BaseModel]) -> JsonSchema:
    """Return the structural schema of a model."""
    schema = model.model_json_schema(schema_generator=_WithFactories)
    return _translate(schema, schema.get("$defs", {}), model.__name__)


def as_status(schema: JsonSchema) -> JsonSchema:
    """Return a schema as a status has it, which the operator alone writes.

    CEL rules would guard nothing there, and a default of no entries would only make every object longer.
    """
    return {
        key: _map_values(value) if key == "properties" else _nested(key, value)
        for key, value in schema.items()
        if key != VALIDATIONS and not (key == "default" and value == [])
    }


def _map_values(properties: dict[str, JsonSchema]) -> dict[str, JsonSchema]:
    return {name: as_status(value) for name, value in properties.items()}


def _nested(key: str, value: Any) -> Any:
    return as_status(value) if key == "items" else value


def _translate(schema: JsonSchema, definitions: JsonSchema, path: str) -> JsonSchema:
    schema = _resolve(schema, definitions, path)
    unknown = set(schema) - {*_COPIED, *_DROPPED, "$defs"}
    if unknown:
        message = f"{path}: no structural schema for {', '.join(sorted(unknown))}"
        raise ValueError(message)
    written = {key: schema[key] for key in _COPIED if key in schema}
    if schema.get("default") is not None:
        written["default"] = schema["default"]
    if schema["type"] == "object":
        written |= _object(schema, definitions, path)
    elif schema["type"] == "array":
        written["items"] = _translate(schema["items"], definitions, f"{path}[]")
    elif schema["type"] == "integer":
        written["format"] = "int32" if schema.get("maximum", _MAX_INT32 + 1) <= _MAX_INT32 else "int64"
    _check_bounds(written, path)
    return written


def _resolve(schema: JsonSchema, definitions: JsonSchema, path: str) -> JsonSchema:
    """Follow references and take the one alternative that is not null; what stands beside them wins."""
    schema = dict(schema)
    while "$ref" in schema or "anyOf" in schema:
        if "$ref" in schema:
            target = definitions[schema.pop("$ref").removeprefix("#/$defs/")]
        else:
            alternatives = [entry for entry in schema.pop("anyOf") if entry != {"type": "null"}]
            if len(alternatives) != 1:
                message = f"{path}: a structural schema has no union of {len(alternatives)} types"
                raise ValueError(message)
            target = alternatives[0]
        schema = {**target, **schema}
    return schema


def _object(schema: JsonSchema, definitions: JsonSchema, path: str) -> JsonSchema:
    if "properties" not in schema:
        return {"x-kubernetes-preserve-unknown-fields": True}
    properties = {
        name: _translate(value, definitions, f"{path}.{name}") for name, value in schema["properties"].items()
    }
    return {"properties": properties, **({"required": schema["required"]} if schema.get("required") else {})}


def _check_bounds(schema: JsonSchema, path: str) -> None:
    bounds = _BOUNDS.get(schema["type"], ())
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        bounds = ("maxProperties",)
    if bounds and not any(bound in schema for bound in bounds):
        message = f"{path}: give the field a bound ({' or '.join(bounds)}), CEL rules are priced by it"
        raise ValueError(message)
