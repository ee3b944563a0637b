"""Custom resource definitions of the kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import yaml
from pydantic import BaseModel

from tradeplane_api.base import GROUP, VERSION
from tradeplane_api.generation.structural import as_status, structural

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from tradeplane_api.forms import JsonSchema
    from tradeplane_api.kinds import Column, Kind

HEADER = "# Generated from crds/tradeplane_api by: python -m tradeplane_api.generate\n"


def resource_schema(kind: Kind) -> JsonSchema:
    """Return the schema of a kind as an object of the API.

    ``apiVersion``, ``kind`` and ``metadata`` are the API server's own. An absent status defaults to an empty one, whose
    conditions default to Ready=Unknown.
    """
    fields = kind.model.model_fields
    return {
        "type": "object",
        "description": _description(kind),
        "properties": {
            "apiVersion": {"type": "string", "description": f"{GROUP}/{VERSION}"},
            "kind": {"type": "string", "description": kind.name},
            "metadata": {"type": "object"},
            "spec": {**structural(_model(fields["spec"])), "description": fields["spec"].description},
            "status": {
                **as_status(structural(_model(fields["status"]))),
                "description": fields["status"].description,
                "default": {},
            },
        },
        "required": ["spec"],
    }


def definition(kind: Kind) -> dict[str, Any]:
    """Return the CustomResourceDefinition of a kind."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind.plural}.{GROUP}",
            "labels": {"app.kubernetes.io/name": "tradeplane", "app.kubernetes.io/part-of": "tradeplane"},
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": list(kind.short_names),
                "categories": ["tradeplane"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [_column(column) for column in kind.columns],
                    "schema": {"openAPIV3Schema": resource_schema(kind)},
                }
            ],
        },
    }


def definition_yaml(kind: Kind) -> str:
    """Return the CustomResourceDefinition of a kind as the text that is checked in."""
    return HEADER + yaml.dump(definition(kind), Dumper=_WithoutAliases, sort_keys=False, width=120, allow_unicode=True)


class _WithoutAliases(yaml.SafeDumper):
    """YAML in which what occurs twice is written twice: anchors are for machines."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _model(field: FieldInfo) -> type[BaseModel]:
    """Return the model of a field that is one, or one or nothing."""
    for member in (field.annotation, *get_args(field.annotation)):
        if isinstance(member, type) and issubclass(member, BaseModel):
            return member
    message = f"{field!r} is no model"
    raise TypeError(message)


def _description(kind: Kind) -> str:
    return " ".join((kind.model.__doc__ or "").split())


def _column(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.type,
        "description": column.description,
        "jsonPath": column.path,
        **({"priority": 1} if column.wide else {}),
    }
