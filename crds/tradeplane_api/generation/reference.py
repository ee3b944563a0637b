"""The API reference: a page of Markdown a kind, from the same schema the API server gets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tradeplane_api.base import GROUP, VERSION
from tradeplane_api.forms import VALIDATIONS, JsonSchema
from tradeplane_api.generation.definitions import resource_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradeplane_api.kinds import Kind

_HEADER = "<!-- Generated from crds/tradeplane_api by: python -m tradeplane_api.generate -->\n"


def reference_page(kind: Kind) -> str:
    """Return the reference of a kind."""
    schema = resource_schema(kind)
    sections = [_introduction(kind, schema)]
    for part in ("spec", "status"):
        sections += [_section(path, node) for path, node in _objects(part, schema["properties"][part])]
    return _HEADER + "\n".join(sections)


def _introduction(kind: Kind, schema: JsonSchema) -> str:
    names = ", ".join(f"`{name}`" for name in (kind.plural, *kind.short_names))
    rows = "\n".join(
        f"| {column.name} | `{column.path.replace('|', chr(92) + '|')}` | {column.description}"
        f"{' With `-o wide`.' if column.wide else ''} |"
        for column in kind.columns
    )
    return (
        f"# {kind.name}\n\n{schema['description']}\n\n"
        f"`apiVersion: {GROUP}/{VERSION}`, `kind: {kind.name}`; namespaced. "
        f"`kubectl` also knows it as {names}, and all kinds as `tradeplane`.\n\n"
        f"## What `kubectl get` prints\n\n| column | from | |\n|---|---|---|\n{rows}\n"
    )


def _objects(path: str, schema: JsonSchema) -> Iterator[tuple[str, JsonSchema]]:
    """Yield every object with fields of its own, an object before those inside it."""
    if schema["type"] == "array":
        yield from _objects(f"{path}[]", schema["items"])
    elif "properties" in schema:
        yield path, schema
        for name, child in schema["properties"].items():
            yield from _objects(f"{path}.{name}", child)


def _section(path: str, schema: JsonSchema) -> str:
    required = schema.get("required", [])
    rows = "\n".join(
        f"| `{name}` | {_type(child)} | {_default(child, required=name in required)} | {_meaning(child)} |"
        for name, child in schema["properties"].items()
    )
    text = f"## {path}\n\n{schema.get('description', '')}\n\n| field | type | default | |\n|---|---|---|---|\n{rows}\n"
    rules = "\n".join(f"- {rule['message']}" for rule in schema.get(VALIDATIONS, ()))
    return f"{text}\nRules:\n\n{rules}\n" if rules else text


def _type(schema: JsonSchema) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema["type"] == "array":
        return f"list of {_type(schema['items'])}"
    return str(schema["type"])


def _default(schema: JsonSchema, *, required: bool) -> str:
    if required:
        return "required"
    return (
        f"`{json.dumps(schema['default'])}`"
        if "default" in schema and schema["type"] not in {"array", "object"}
        else ""
    )


def _meaning(schema: JsonSchema) -> str:
    words = [schema.get("description", "").rstrip(".")]
    words += [f"from {schema['minimum']}"] if "minimum" in schema else []
    words += [f"up to {schema['maximum']}"] if "maximum" in schema else []
    words += [f"at most {schema['maxItems']}"] if "maxItems" in schema else []
    for each in (schema, schema.get("items", {})):
        words += [rule["message"] for rule in each.get(VALIDATIONS, ()) if "properties" not in each]
    return "; ".join(word for word in words if word).replace("|", "\\|").replace("<", "&lt;")
