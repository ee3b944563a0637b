"""The charts: which objects are in which, and all files of each.

Three, since Helm looks up the kinds of all objects of a chart before it makes any, makes those that it does not know
last, and never updates what is below ``crds/``: the kinds first, then the policies, then what they hold, as
``Platform`` does it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tradeplane_stacks.chart.errors import ChartError
from tradeplane_stacks.chart.merging import Merging
from tradeplane_stacks.chart.objects import Template, templates
from tradeplane_stacks.chart.platform import TOGETHER, platform_fields
from tradeplane_stacks.chart.rendering import Render, cases, rendered
from tradeplane_stacks.chart.values import schema, values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tradeplane_stacks.chart.fields import Fields
    from tradeplane_stacks.deployment import DeployedImages

_KINDS = ("CustomResourceDefinition",)
_POLICIES = ("AdmissionParameters", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
_OWN = Path(__file__).parent / "templates"
_CHECKS = "checks.yaml"
_KUBERNETES = ">=1.31.0-0"
_NAMED = re.compile(r'include "tradeplane\.([a-z-]+)"')


@dataclass(frozen=True)
class Chart:
    """A chart, by its files."""

    name: str
    version: str
    """As Helm takes it."""
    files: Mapping[str, str]
    """Text by path within the chart."""


def charts(version: str, images: DeployedImages | None, render: Render) -> list[Chart]:
    """Return the charts of a platform, in the order they are installed in.

    Args:
        version: of the packages.
        images: that are installed where values name none.
        render: what kustomize makes of kustomizations.

    Raises:
        ChartError: a field or an object cannot be put into templates.
        KustomizeError: manifests cannot be rendered.

    """
    fields = platform_fields()
    found = templates(rendered(cases(fields, TOGETHER), render), Merging(fields.sources, fields.options))
    _refuse_unused(fields, found)
    kinds = [one for one in found if one.kind in _KINDS]
    policies = [one for one in found if one.kind in _POLICIES]
    rest = [one for one in found if one.kind not in (*_KINDS, *_POLICIES)]
    return [
        _chart("tradeplane-crds", "The kinds of tradeplane", version, images, kinds),
        _chart("tradeplane-policies", "Admission policies of tradeplane", version, images, policies),
        _chart("tradeplane", "The operator of tradeplane, and namespaces that run work", version, images, rest),
    ]


def _chart(
    name: str, description: str, version: str, images: DeployedImages | None, found: Sequence[Template]
) -> Chart:
    texts = {one.file: one.text for one in found}
    if len(texts) < len(found):
        raise ChartError(f"{name}: two templates of one name")
    asked = [one for template in found for one in template.expressions]
    if any("$.Values.namespaces" in one for one in asked):
        texts[_CHECKS] = (_OWN / _CHECKS).read_text(encoding="utf-8")
    texts |= _named_in([*asked, *texts.values()])
    needed = {key for text in texts.values() for key in re.findall(r"\$\.Values\.(\w+)", text)}
    files = {
        "Chart.yaml": yaml.safe_dump(_about(name, description, version), sort_keys=False),
        "values.yaml": values(images),
        "values.schema.json": json.dumps(schema(needed), indent=2) + "\n",
        **{f"templates/{file}": text for file, text in sorted(texts.items())},
    }
    return Chart(name, semantic(version), files)


def _named_in(texts: Iterable[str]) -> dict[str, str]:
    """Return the files of the named templates that texts include, and those that these include."""
    files = {f"_{name}.tpl": name for text in texts for name in _NAMED.findall(text)}
    found = {file: (_OWN / file).read_text(encoding="utf-8") for file in sorted(files)}
    below = {one for text in found.values() for one in _NAMED.findall(text)} - {*files.values()}
    return found | (_named_in(f'include "tradeplane.{name}"' for name in below) if below else {})


def _about(name: str, description: str, version: str) -> dict[str, Any]:
    return {
        "apiVersion": "v2",
        "name": name,
        "description": description,
        "type": "application",
        "version": semantic(version),
        "appVersion": version,
        "kubeVersion": _KUBERNETES,
    }


def semantic(version: str) -> str:
    """Return a version of the packages as Helm takes it: a pre-release is set off (Semantic Versioning 2.0.0)."""
    return re.sub(r"(a|b|rc)([0-9]+)$", r"-\1.\2", version)


def _refuse_unused(fields: Fields, found: Sequence[Template]) -> None:
    """Refuse a field that no template asks for: a chart would take it and do nothing."""
    asked = "\n".join(one for template in found for one in template.expressions)
    wanted: dict[str, list[str]] = {}
    for source in fields.sources:
        wanted.setdefault(source.field, []).append(source.text.removeprefix("toJson "))
    unused = [
        field
        for field, texts in wanted.items()
        if not any(re.search(rf"{re.escape(one)}(?![\w.])", asked) for one in texts)
    ]
    if unused:
        raise ChartError(
            f"{', '.join(unused)}: no template is made of it: name it in LEFT_OUT of chart/platform.py with why, "
            "or see to it that a manifest follows it"
        )
