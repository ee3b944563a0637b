"""JSON Schemas of Kubernetes' kinds, for kubeconform: from the API's own description, with no network.

Kubernetes' are in the OpenAPI document of the module that the embedded cluster's API server is built from; those of
custom resources are in their CustomResourceDefinitions. Both are made strict: a field that a kind does not have is a
fault, as the API server itself would only drop it.
"""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from tradeplane_stacks.local.binaries import KUEUE, MODULES, POLICY_TESTER

from tests.scan.rendering import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Json = dict[str, Any]
TEMPLATE = "{{ .Group }}/{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json"
"""Where kubeconform looks for a kind, below the folder of schemas; the core group's is called by its version."""

_START = "#/definitions/"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_EITHER: Mapping[str, Json] = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": ["string", "integer"]},
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": ["string", "number"]},
}


def path_of(api_version: str, kind: str) -> str:
    """Return where the schema of a kind lies, as ``TEMPLATE`` says it."""
    return f"{api_version.split('/')[0]}/{kind.lower()}_{api_version.split('/')[-1]}.json"


def definitions_of(document: Json) -> dict[str, Json]:
    """Return the strict definitions of Kubernetes' OpenAPI document (version 2), by name."""
    return {name: _EITHER.get(name) or strict(one) for name, one in document["definitions"].items()}


def of_openapi(definitions: Mapping[str, Json]) -> dict[str, Json]:
    """Return the schemas of all kinds among definitions, by where each lies."""
    found = {}
    for name, definition in definitions.items():
        for known in definition.get("x-kubernetes-group-version-kind", ()):
            api_version = "/".join(part for part in (known["group"], known["version"]) if part)
            found[path_of(api_version, known["kind"])] = _whole(name, definitions)
    return found


def of_crd(crd: Json, definitions: Mapping[str, Json]) -> dict[str, Json]:
    """Return the schema of each version of a custom resource, with Kubernetes' definition of ObjectMeta."""
    found = {}
    for version in crd["spec"]["versions"]:
        api_version = f"{crd['spec']['group']}/{version['name']}"
        schema = strict(version["schema"]["openAPIV3Schema"])
        schema["properties"] = {
            **schema.get("properties", {}),
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"$ref": _START + _META},
        }
        needed = _reachable(schema, definitions)
        found[path_of(api_version, crd["spec"]["names"]["kind"])] = schema | {"definitions": needed}
    return found


def strict(schema: Json) -> Json:
    """Return a schema that refuses fields it does not name, wherever it names any."""
    made = {key: _strict(key, value) for key, value in schema.items()}
    if made.get("x-kubernetes-int-or-string"):
        return {"type": ["string", "integer"]}
    if "properties" in made and not made.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    if made.get("nullable") and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made


def _strict(key: str, value: Any) -> Any:
    if key in ("properties", "definitions"):
        return {name: strict(one) for name, one in value.items()}
    if key in ("items", "additionalProperties", "not") and isinstance(value, dict):
        return strict(value)
    # Within these a schema says more of the same fields, and not which there are.
    return value


def _whole(name: str, definitions: Mapping[str, Json]) -> Json:
    return {**definitions[name], "definitions": _reachable(definitions[name], definitions)}


def _reachable(schema: Json, definitions: Mapping[str, Json]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    left = list(_references(schema))
    while left:
        name = left.pop()
        if name not in found:
            found[name] = definitions[name]
            left += _references(definitions[name])
    return found


def _references(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield reference.removeprefix(_START)
        for one in value.values():
            yield from _references(one)
    elif isinstance(value, list):
        for one in value:
            yield from _references(one)


def write(folder: Path) -> None:
    """Write the schemas of Kubernetes, of our kinds, and of others' that we have objects of, into a folder."""
    definitions = kubernetes()
    schemas = of_openapi(definitions)
    for crd in [*ours(), *kueue(), *policy_controller(), *kyverno(), *prometheus_operator()]:
        schemas |= of_crd(crd, definitions)
    for place, schema in schemas.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(json.dumps(schema), encoding="utf-8")


def ours() -> list[Json]:
    """Return the CRDs of our kinds, and of the parameters of admission."""
    return [
        *_crds(CHECKOUT / "crds" / "yaml", "*.yaml"),
        *_crds(CHECKOUT / "policies/admission/parameters", "crd.yaml"),
    ]


def kueue() -> list[Json]:
    """Return the CRDs of the Kueue that tests run."""
    return _crds(_sources(MODULES / KUEUE.module, "sigs.k8s.io/kueue"), "config/components/crd/bases/*.yaml")


def policy_controller() -> list[Json]:
    """Return the CRDs of the policy-controller whose tester tests run."""
    sources = _sources(MODULES / POLICY_TESTER.module, "github.com/sigstore/policy-controller")
    return _crds(sources, "config/300-*.yaml")


def kyverno() -> list[Json]:
    """Return the CRDs of the policies of Kyverno, which nothing here runs."""
    sources = _sources(Path(__file__).parent / "kyverno", "github.com/kyverno/kyverno")
    return _crds(sources, "config/crds/policies.kyverno.io/*.yaml")


def prometheus_operator() -> list[Json]:
    """Return the CRDs of the Prometheus Operator that we have objects of; nothing here runs it."""
    sources = _sources(
        Path(__file__).parent / "prometheus-operator", "github.com/prometheus-operator/prometheus-operator"
    )
    kinds = ("servicemonitors", "prometheusrules")
    return [one for kind in kinds for one in _crds(sources, f"example/prometheus-operator-crd/*_{kind}.yaml")]


def _crds(folder: Path, pattern: str) -> list[Json]:
    # By libyaml: Python's own reader takes seconds for these.
    texts = (file.read_text(encoding="utf-8") for file in sorted(folder.glob(pattern)))
    found = [one for text in texts for one in yaml.load_all(text, Loader=yaml.CSafeLoader)]
    return [one for one in found if one and one["kind"] == "CustomResourceDefinition"]


@cache
def kubernetes() -> dict[str, Json]:
    """Return the definitions of the Kubernetes that the embedded cluster is."""
    file = _sources(MODULES / "kubernetes", "k8s.io/kubernetes") / "api" / "openapi-spec" / "swagger.json"
    return definitions_of(json.loads(file.read_text(encoding="utf-8")))


def _sources(module: Path, path: str) -> Path:
    """Return where the sources of a Go module lie, at the version and checksum that a folder's go.mod pins."""
    command = ["go", "mod", "download", "-json", path]
    answer = subprocess.run(command, cwd=module, capture_output=True, check=True, timeout=300)
    return Path(json.loads(answer.stdout)["Dir"])
