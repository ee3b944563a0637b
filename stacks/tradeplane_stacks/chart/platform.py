"""The platform as it goes into charts: what of its configuration, and what no model of that can tell.

A field that is new needs two values here where it has no few, and a line where what comes of it is no copy of it. One
that is forgotten makes no chart: the error names it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tradeplane_stacks.chart.fields import ABSENT, Fields, Option, Source, fields_of
from tradeplane_stacks.components.platform_config import PlatformConfig

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {
        "evidence.signing_key": "values lie open in a release of Helm: make the Secret tradeplane-signing-key",
        "rollout_seconds": "how long Helm waits is its own to say: --wait --timeout",
    }
)
"""Fields of the configuration that no chart takes, and why."""

_FIRST, _SECOND = "1" * 64, "2" * 64
_ROLES = tuple(f"arn:aws:iam::{account}:role/chart" for account in ("111111111111", "222222222222"))
PROBES: Mapping[str, Sequence[Any]] = MappingProxyType(
    {
        "images.operator": (f"a.example/one/operator@sha256:{_FIRST}", f"b.example/two/operator@sha256:{_SECOND}"),
        "images.workloads": (f"a.example/one/workloads@sha256:{_FIRST}", f"b.example/two/workloads@sha256:{_SECOND}"),
        "store.url": ("s3://chart-first/runs", "s3://chart-second/runs"),
        "store.region": ("eu-west-1", "us-east-1"),
        "evidence.registry": ("a.example/first", "b.example/second"),
        "evidence.signer": ("awskms:///alias/chart-first", "awskms:///alias/chart-second"),
        "evidence.timestamp_authority": ("https://a.example/timestamps", "https://b.example/timestamps"),
        "limits.runs": (1_009, 2_003),
        "limits.runs_per_namespace": (101, 211),
        "namespaces.name": ("chart-first", "chart-second"),
        "namespaces.tenant": ("tenant-first", "tenant-second"),
        "namespaces.runner_role": tuple(f"{role}-runner" for role in _ROLES),
        "registries": (["c.example/first/"], ["d.example/second/"]),
        "operator_role": tuple(f"{role}-operator" for role in _ROLES),
    }
)
"""Two values of each field that takes any of a form; no other field has them, nor has a manifest."""

_OPEN_PORTS = '(list "443" "6443")'
_PORT = '(include "tradeplane.registry-port" $)'
_ELSEWHERE: Mapping[str, int] = MappingProxyType({"a.example:5443/first": 5443, "b.example:5444/second": 5444})
"""Registries at ports that are not open anyway."""
_NEIGHBOURS: Mapping[str, Sequence[str]] = MappingProxyType(
    dict(zip(PROBES["images.workloads"], (["a.example/one/"], ["b.example/two/"]), strict=True))
)
"""What tenants may run where nobody says: images from where the runner's is."""


def platform_fields() -> Fields:
    """Return the fields of a platform's configuration as values of its charts.

    Raises:
        ChartError: a field is not known; the message names it.

    """
    found = fields_of(PlatformConfig, PROBES, LEFT_OUT)
    return Fields(found.least, [*_derived_sources(), *found.sources], [*found.options, *_derived_options()])


def _derived_sources() -> Sequence[Source]:
    def registries(config: Mapping[str, Any]) -> Any:
        return config["registries"] or _NEIGHBOURS.get(config["images"]["workloads"], ABSENT)

    def port(config: Mapping[str, Any]) -> Any:
        return _ELSEWHERE.get((config["evidence"] or {}).get("registry"), ABSENT)

    return (
        Source("registries", 'include "tradeplane.registries" $', registries),
        Source("evidence.registry", 'include "tradeplane.registry-port" $', port),
    )


def _derived_options() -> Sequence[Option]:
    condition = f"not (has {_PORT} {_OPEN_PORTS})"
    first, second = _ELSEWHERE
    within = {"evidence": "given"}
    return (Option("evidence.registry", "elsewhere", condition, within, ("evidence", "registry"), (first, second)),)
