"""What is rendered to find out what follows what: the least that a platform is, and each option alone on top of it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import Annotated, Any

import yaml
from pydantic import TypeAdapter

from tradeplane_stacks.chart.errors import ChartError
from tradeplane_stacks.chart.fields import ABSENT, Fields, Option
from tradeplane_stacks.chart.merging import Case, Found
from tradeplane_stacks.components.platform_config import PlatformConfig
from tradeplane_stacks.components.platform_manifests import kustomizations
from tradeplane_stacks.deployment import kustomization_text

Json = dict[str, Any]
Render = Callable[[Mapping[str, str]], list[Json]]
"""What kustomize makes of a tree of kustomizations."""
Identity = tuple[str, str, str, bool]
"""Kind, namespace and name of an object, and whether it is of a namespace that runs work: then without its name."""

_ROOT = "kustomization.yaml"
_OF_THE_ITEM = ""


def cases(fields: Fields, together: Iterable[Iterable[tuple[str, str]]]) -> list[Case]:
    """Return the configurations that are rendered: the least, and with each option, within what it needs, no other.

    Args:
        fields: of the configuration.
        together: options that are rendered together besides, by their choices and names.

    """
    named = {(one.choice, one.option): one for one in fields.options}
    # By their names, so that a section which two of them are in is given once.
    several = (
        {(one.choice, one.option): one for pair in options for one in _chain(fields, named[pair])}.values()
        for options in together
    )
    return [_case(fields, chain) for chain in ([], *(_chain(fields, option) for option in fields.options), *several)]


def _chain(fields: Fields, option: Option) -> list[Option]:
    """Return an option, after those without which there is no such field, from the outermost in."""
    outer = [one for one in fields.options if option.within.get(one.choice) == one.option]
    return [*sorted(outer, key=lambda one: len(one.within)), option]


def _case(fields: Fields, chain: Collection[Option]) -> Case:
    first, second = (_config(fields, chain, which) for which in (0, 1))
    return Case({one.choice: one.option for one in chain}, (first, second))


def _config(fields: Fields, chain: Iterable[Option], which: int) -> Json:
    values = copy.deepcopy(fields.least[which])
    for option in chain:
        at: Any = values
        for key in option.keys[:-1]:
            at = at[key]
        at[option.keys[-1]] = copy.deepcopy(option.values[which])
    return read_alone(values).model_dump(mode="json")


def read_alone(values: Mapping[str, Any]) -> PlatformConfig:
    """Return a configuration of which each field is checked, and not what they are to each other.

    With one option alone a configuration may be none that anybody could use, as a queue without queues; what is made of
    the option is the same.
    """
    checked = {key: _alone(key).validate_python(one, strict=False) for key, one in values.items()}
    return PlatformConfig.model_construct(**checked)


@cache
def _alone(key: str) -> TypeAdapter[Any]:
    field = PlatformConfig.model_fields[key]
    annotated: Any = Annotated[field.annotation, field]
    return TypeAdapter(annotated)


def rendered(found: Iterable[Case], render: Render) -> dict[Identity, list[Found]]:
    """Return each object that is in any case, as it is in every one.

    Parts of a platform are rendered apart, and each once, since a choice changes one of them as a rule.
    """
    parts = _Parts(render)
    objects = [(case, [parts.objects(config) for config in case.configs]) for case in found]
    identities = dict.fromkeys(identity for _, pair in objects for one in pair for identity in one)
    return {
        identity: [
            Found(case, (first.get(identity, ABSENT), second.get(identity, ABSENT)))
            for case, (first, second) in objects
        ]
        for identity in identities
    }


class _Parts:
    """Renders the parts of platforms, and remembers what came of each."""

    def __init__(self, render: Render) -> None:
        self._render = render
        self._known: dict[tuple[tuple[str, str], ...], list[Json]] = {}

    def objects(self, config: Mapping[str, Any]) -> dict[Identity, Json]:
        """Return the objects of a configuration."""
        files = kustomizations(read_alone(config))
        items = {one["name"] for one in config["namespaces"]}
        found: dict[Identity, Json] = {}
        for part in yaml.safe_load(files[_ROOT])["resources"]:
            for one in self._rendered(part, files):
                identity = _identity(one, items)
                if identity in found:
                    raise ChartError(f"{one['kind']} {one['metadata']['name']}: stands there twice")
                found[identity] = one
        return found

    def _rendered(self, part: str, files: Mapping[str, str]) -> list[Json]:
        of_it = {path: text for path, text in files.items() if path.startswith(f"{part}/")}
        key = tuple(sorted(of_it.items()))
        if key not in self._known:
            root = {_ROOT: kustomization_text({"resources": [part]})}
            self._known[key] = self._render(dict(_named_by_no_digest(of_it)) | root)
        return self._known[key]


def _named_by_no_digest(files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Give files by which ConfigMaps have no digest in their names: a chart rolls what mounts them by annotations."""
    for path, text in files.items():
        document = yaml.safe_load(text) if path.endswith(f"/{_ROOT}") else {}
        if "configMapGenerator" in document:
            yield (
                path,
                yaml.safe_dump({**document, "generatorOptions": {"disableNameSuffixHash": True}}, sort_keys=False),
            )
        else:
            yield path, text


def _identity(one: Json, items: set[str]) -> Identity:
    metadata = one["metadata"]
    namespace, name = metadata.get("namespace", ""), metadata["name"]
    named = next((item for item in items if item == name or name.endswith(f"-{item}")), None)
    if namespace not in items and (namespace or named is None):
        return one["kind"], namespace, name, False
    return one["kind"], _OF_THE_ITEM, name if named is None else name.removesuffix(named).rstrip("-"), True
