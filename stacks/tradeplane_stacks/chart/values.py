"""The values of a chart: which it has from the start, and the schema by which Helm refuses others, both of the model.

What a model checks beyond the form of a field is in no schema. Where it is of one field it is added here; what is of
several is asked by a template, and told as Helm tells what fails.
"""

from __future__ import annotations

import inspect
import json
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import yaml

from tradeplane_stacks.chart.platform import LEFT_OUT
from tradeplane_stacks.components.platform_config import PlatformConfig
from tradeplane_stacks.components.platform_evidence import TRUST_CONFIG_TYPE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from tradeplane_stacks.deployment import DeployedImages

Json = dict[str, Any]
_OF_NOBODY_ELSE = {"not": {"pattern": "^(default|tradeplane-system|kube-.*)$"}}
_OF_SIGSTORE = {"properties": {"mediaType": {"const": TRUST_CONFIG_TYPE}}, "required": ["mediaType"]}
_NAMED = re.compile(r'"#/\$defs/([^"]+)"')
ALSO: Mapping[str, Json] = MappingProxyType({"namespaces.name": _OF_NOBODY_ELSE, "evidence.trust_config": _OF_SIGSTORE})
"""What the model checks of fields and its schema does not say."""


def schema(needed: Collection[str]) -> Json:
    """Return the schema of a chart's values.

    Args:
        needed: fields without which the chart has nothing to be made of.

    """
    found = PlatformConfig.model_json_schema(mode="validation")
    for field in LEFT_OUT:
        for properties, key in _places(found, field):
            del properties[key]
    for field, more in ALSO.items():
        for properties, key in _places(found, field):
            properties[key] = {**properties[key], **more}
    # Helm gives it to every chart that is part of another.
    found["properties"]["global"] = {
        "type": "object",
        "description": "Of the chart that this one is part of; not used.",
    }
    found["required"] = sorted({*found["required"]} & {*needed})
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def values(images: DeployedImages | None) -> str:
    """Return the values that a chart has from the start, as YAML; of images, those of a release.

    Sections that are left out are not there: Helm would take an empty one for one that is given.
    """
    defaults = {
        key: field.get_default(call_default_factory=True)
        for key, field in PlatformConfig.model_fields.items()
        if key not in LEFT_OUT and not field.is_required()
    }
    known = PlatformConfig.model_construct(**defaults).model_dump(
        mode="json", include={*defaults}, exclude_none=True, warnings=False
    )
    if images is not None:
        known = {"images": {"operator": images.operator, "workloads": images.workloads}, **known}
    heading = inspect.cleandoc(PlatformConfig.__doc__ or "")
    text = yaml.safe_dump(known, sort_keys=False)
    return f"# {heading}\n# Its fields: docs/stacks/platform.md of the repository.\n{text}"


def _places(found: Json, path: str) -> Iterator[tuple[Json, str]]:
    """Give the properties that a field is among in a schema, and its key; of several kinds, those of each."""
    *outer, key = path.split(".")
    sections = [found]
    for one in outer:
        described = [section["properties"][one] for section in sections if one in section["properties"]]
        sections = [found["$defs"][name] for name in _NAMED.findall(json.dumps(described))]
    for section in sections:
        if key in section["properties"]:
            yield section["properties"], key
