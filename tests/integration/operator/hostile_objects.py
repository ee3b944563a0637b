"""Objects of ours with something hostile in one of their strings: each string of each kind, by the CRD's schema."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from tradeplane_api.base import API_VERSION
from tradeplane_api.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Json = dict[str, Any]
_ROOT = Path(__file__).parents[3]
_EXAMPLES = _ROOT / "docs" / "examples"
BASES = (
    "macd-momentum",
    "live-session",
    "broker-simulated",
    "broker-binance",
    "broker-exchange",
    "capture",
    "capture-sessions",
    "replay",
    "replay-session",
    "snapshot-sp500",
)
"""Examples that are right, of all kinds and of what is in them; one string of each is made another at a time."""
APPROVAL: Json = {
    "apiVersion": API_VERSION,
    "kind": "Approval",
    "spec": {
        "strategyRef": {"name": "macd-momentum"},
        "configuration": "sha256:" + "a" * 64,
        "user": "alice@example.com",
        "bundle": "{}",
    },
}
"""Of the kind that no example is of, since what is signed in it is signed by somebody."""
_ITEM, _ANY = "[]", "*"


class Hostile(NamedTuple):
    """An object, and which of its strings is what."""

    plural: str
    field: tuple[str, ...]
    value: str
    body: Json


def values(host: str, file: Path) -> tuple[str, ...]:
    """Return what might make somebody open something: a server at a host, a file, a path, a Secret, an expression."""
    digest = "@sha256:" + "a" * 64
    return (
        f"http://{host}/latest",
        f"ws://{host}/latest",
        f"{host}/team/image{digest}",
        f"{host}/team/image:latest",
        host,
        f"file://{file}",
        str(file),
        "../" * 12 + str(file).lstrip("/"),
        "..",
        "http://169.254.169.254/latest/meta-data/iam",
        f"169.254.169.254/latest/meta-data{digest}",
        "169.254.169.254",
        "metadata.google.internal",
        "kubernetes.default.svc.cluster.local",
        "tradeplane-system/tradeplane-signing-key",
        "$(TRADEPLANE_STORE_URL)",
        "a\nb: c",
    )


def strings(schema: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the paths of all strings of a schema."""
    if schema.get("type") == "string" or schema.get("x-kubernetes-int-or-string"):
        yield path
    for name, inner in (schema.get("properties") or {}).items():
        yield from strings(inner, (*path, name))
    if "items" in schema:
        yield from strings(schema["items"], (*path, _ITEM))
    if schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("additionalProperties"):
        yield (*path, _ANY)


@cache
def schema_of(kind: str) -> Json:
    """Return the schema of the spec of a kind, as its CRD has it."""
    plural = next(one.plural for one in KINDS if one.name == kind)
    text = (_ROOT / "crds" / "yaml" / f"tradeplane.dev_{plural}.yaml").read_text(encoding="utf-8")
    (version,) = yaml.safe_load(text)["spec"]["versions"]
    found: Json = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return found


def _set(there: Any, path: tuple[str, ...], value: str) -> None:
    """Put a value at a path, and what is needed above it."""
    step, rest = path[0], path[1:]
    key: str | int = 0 if step == _ITEM else "hostile" if step == _ANY else step
    if not rest:
        if step == _ITEM and not there:
            there.append(value)
        else:
            there[key] = value
        return
    empty: Any = [] if rest[0] == _ITEM else {}
    if step == _ITEM and not there:
        there.append(empty)
    elif step != _ITEM:
        there.setdefault(key, empty)
    _set(there[key], rest, value)


def hostile_objects(host: str, file: Path, bases: tuple[str, ...] = BASES) -> Iterator[Hostile]:
    """Yield examples with every hostile value in every string of their specs, and in what metadata they may choose."""
    plurals = {one.name: one.plural for one in KINDS}
    documents = [APPROVAL]
    for base in bases:
        documents += yaml.safe_load_all((_EXAMPLES / f"{base}.yaml").read_text(encoding="utf-8"))
    number = 0
    for document in (one for one in documents if one["kind"] in plurals):
        paths = [("spec", *path) for path in strings(schema_of(document["kind"]))]
        paths += [("metadata", "annotations", "note"), ("metadata", "labels", "kueue.x-k8s.io/queue-name")]
        for path in [*paths, ("metadata", "name")]:
            for value in values(host, file):
                body = copy.deepcopy(document)
                body["metadata"] = {"name": f"h{number}"}
                _set(body, path, value)
                number += 1
                yield Hostile(plurals[document["kind"]], path, value, body)
