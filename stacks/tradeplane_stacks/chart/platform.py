"""The platform as it goes into charts: what of its configuration, and what no model of that can tell.

A field that is new needs two values here where it has no few, and a line where what comes of it is no copy of it. One
that is forgotten makes no chart: the error names it.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tradeplane_stacks.chart.fields import ABSENT, Fields, Option, Source, fields_of
from tradeplane_stacks.chart.rendering import read_alone
from tradeplane_stacks.components.platform_config import PlatformConfig
from tradeplane_stacks.components.platform_evidence import KEYLESS, TRUST_CONFIG_TYPE
from tradeplane_stacks.components.platform_layers import registry_ports, sigstore_ports
from tradeplane_stacks.components.platform_ledger import HEADS_KEY_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_OPEN = "values lie open in a release of Helm: "
LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {
        "evidence.signing_key": f"{_OPEN}make the Secret tradeplane-signing-key",
        "evidence.registry_login": f"{_OPEN}make the Secret tradeplane-registry",
        "ledger.database": f"{_OPEN}make the Secret tradeplane-ledger",
        "ledger.audit.certificates": f"{_OPEN}make the Secret tradeplane-audit",
        "ledger.heads.signing_key": f"{_OPEN}make the Secret tradeplane-ledger-signing",
        "images.attested.keys": "a keyring is a file of its own: make the ConfigMap tradeplane-trusted-keys",
        "evidence.snapshots.keys": "a keyring is a file of its own: make the ConfigMap tradeplane-snapshot-keys",
        "approvals.keys": "a keyring is a file of its own: make the ConfigMap tradeplane-approvers",
        "queues.workers": "an object for each: lay components/multikueue of operator/deploy over it by kustomize",
        "monitoring.labels": "of what is there already: have Prometheus select by app.kubernetes.io/part-of",
        "rollout_seconds": "how long Helm waits is its own to say: --wait --timeout",
    }
)
"""Fields of the configuration that no chart takes, and why."""

_FIRST, _SECOND = "1" * 64, "2" * 64
_ROLES = tuple(f"arn:aws:iam::{account}:role/chart" for account in ("111111111111", "222222222222"))
_RULE = {"modes": ["Backtest"], "namespaces": [], "approvers": 1}
PROBES: Mapping[str, Sequence[Any]] = MappingProxyType(
    {
        "images.operator": (f"a.example/one/operator@sha256:{_FIRST}", f"b.example/two/operator@sha256:{_SECOND}"),
        "images.workloads": (f"a.example/one/workloads@sha256:{_FIRST}", f"b.example/two/workloads@sha256:{_SECOND}"),
        "images.attested.builders": (["https://a.example/builder"], ["https://b.example/builder"]),
        "images.attested.valid_seconds": (3_001, 3_011),
        "store.directory": ("/chart/first", "/chart/second"),
        "store.url": ("s3://chart-first/runs", "s3://chart-second/runs"),
        "store.region": ("eu-west-1", "us-east-1"),
        "evidence.registry": ("a.example/first", "b.example/second"),
        "evidence.signer": ("awskms:///alias/chart-first", "awskms:///alias/chart-second"),
        "evidence.trust_config": tuple({"mediaType": TRUST_CONFIG_TYPE, "of": one} for one in ("first", "second")),
        "evidence.timestamp_authority": ("https://a.example/timestamps", "https://b.example/timestamps"),
        "evidence.signatures_per_second": (2.25, 3.25),
        "approvals.rules": ([{**_RULE, "namespaces": ["chart-one"]}], [{**_RULE, "namespaces": ["chart-two"]}]),
        "ledger.port": (5_433, 5_434),
        "ledger.audit.node_port": (30_011, 30_012),
        "ledger.heads.every_seconds": (1_801, 1_802),
        "ledger.heads.url": ("s3://chart-first/heads", "s3://chart-second/heads"),
        "ledger.heads.region": ("eu-west-2", "us-east-2"),
        "ledger.role": tuple(f"{role}-recorder" for role in _ROLES),
        "queues.cpu": ("17", "19"),
        "queues.memory": ("17Gi", "19Gi"),
        "monitoring.interval_seconds": (17, 19),
        "limits.runs": (1_009, 2_003),
        "limits.runs_per_namespace": (101, 211),
        "namespaces.name": ("chart-first", "chart-second"),
        "namespaces.tenant": ("tenant-first", "tenant-second"),
        "namespaces.runner_role": tuple(f"{role}-runner" for role in _ROLES),
        "registries": (["c.example/first/"], ["d.example/second/"]),
        "failover.name": ("ap-south-1", "ap-east-1"),
        "failover.table": ("table-first", "table-second"),
        "failover.table_regions": (["eu-north-1"], ["us-west-1"]),
        "failover.valid_seconds": (41, 43),
        "operator_role": tuple(f"{role}-operator" for role in _ROLES),
    }
)
"""Two values of each field that takes any of a form; no other field has them where it stands, nor has a manifest."""

_INTERVAL = "monitoring.interval_seconds"
_EVERY = "ledger.heads.every_seconds"
_KEYLESS = {"evidence.signer": "keyless"}
_WITHIN: Mapping[str, Mapping[str, str]] = MappingProxyType({"evidence.trust_config": _KEYLESS})
"""What a field needs beside the sections it is in."""
TOGETHER: Sequence[Sequence[tuple[str, str]]] = (
    # Where the recorder runs, which the first of them makes.
    (("ledger", "given"), ("architecture", "given")),
    (("ledger", "given"), ("architecture (which)", "arm64")),
    # What the operator writes down, which the first of them has it verify.
    (("images.attested", "given"), ("namespaces.verified_images", "true")),
    # What opens a way for runs, where both a store in the network and roles of that kind are asked for.
    (("store.kind", "s3"), ("pod_identity", "true")),
    # Alerts that nobody leads, which would be wrong where another region may.
    (("monitoring", "given"), ("failover", "given")),
    # In which order they add to the operator's pod.
    (
        ("evidence.signer", "keyless"),
        ("evidence.snapshots", "given"),
        ("images.attested", "given"),
        ("approvals", "given"),
    ),
)
"""Options that say something together that none of them says alone."""
WHERE: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("NetworkPolicy", f"tradeplane-operator-to-{where}"): f'ne (include "tradeplane.{where}-ports" $) "[]"'
        for where in ("registry", "sigstore")
    }
)
"""When objects are there that follow several fields together."""


def platform_fields() -> Fields:
    """Return the fields of a platform's configuration as values of its charts.

    Raises:
        ChartError: a field is not known; the message names it.

    """
    found = fields_of(PlatformConfig, PROBES, LEFT_OUT)
    options = [replace(one, within={**one.within, **_WITHIN.get(one.choice, {})}) for one in found.options]
    return Fields(found.least, [*_derived_sources(found.sources), *found.sources], [*options, *_derived_options()])


def _derived_sources(plain: Sequence[Source]) -> Sequence[Source]:
    """Return what is taken from fields, and is none of them as it stands."""
    every = next(one.text for one in plain if one.field == _EVERY).removeprefix("toJson ")
    interval = next(one.text for one in plain if one.field == _INTERVAL).removeprefix("toJson ")
    volume, folder = '"tradeplane-store-%s" $one.name', '"%s/%s" $.Values.store.directory $one.name'
    return (
        Source("registries", 'include "tradeplane.registries" $', _registries),
        Source(
            "evidence.registry", 'include "tradeplane.registry-ports" $', lambda config: _opened(registry_ports, config)
        ),
        Source(
            "evidence.sigstore_ports",
            'include "tradeplane.sigstore-ports" $',
            lambda config: _opened(sigstore_ports, config) if config["evidence"] else ABSENT,
        ),
        Source(
            "namespaces.name",
            'include "tradeplane.served" $',
            lambda config: [one["name"] for one in config["namespaces"]],
        ),
        Source(_INTERVAL, f'printf "%ds" (int {interval}) | toJson', _interval),
        Source("namespaces.verified_images", 'include "tradeplane.images-listed" $', _listed),
        Source("approvals.rules", 'include "tradeplane.approval-rules" $', _rules),
        Source(_EVERY, f"int {every} | toString | toJson", _every),
        Source("namespaces.name", f"printf {volume} | toJson", lambda config: _each(config, "tradeplane-store-{name}")),
        Source("store.directory", f"printf {folder} | toJson", lambda config: _each(config, "{directory}/{name}")),
    )


def _registries(config: Mapping[str, Any]) -> Any:
    return list(read_alone(config).image_registries)


def _opened(ports: Any, config: Mapping[str, Any]) -> Any:
    """Return ports as a policy opens them."""
    return [{"protocol": "TCP", "port": port} for port in ports(read_alone(config))]


def _listed(config: Mapping[str, Any]) -> bool:
    return any(one["verified_images"] for one in config["namespaces"])


def _rules(config: Mapping[str, Any]) -> Any:
    return config["approvals"]["rules"] if config["approvals"] else ABSENT


def _interval(config: Mapping[str, Any]) -> Any:
    return f"{config['monitoring']['interval_seconds']}s" if config["monitoring"] else ABSENT


def _every(config: Mapping[str, Any]) -> Any:
    heads = (config["ledger"] or {}).get("heads")
    return str(heads["every_seconds"]) if heads else ABSENT


def _each(config: Mapping[str, Any], form: str) -> str:
    return form.format(name=config["namespaces"][0]["name"], directory=config["store"].get("directory"))


def _derived_options() -> Sequence[Option]:
    evidence, heads = {"evidence": "given"}, {"ledger": "given", "ledger.heads": "given"}
    elsewhere = ("a.example:5443/first", "b.example:5444/second")
    keyless = tuple(f"{KEYLESS}{one}@example.com" for one in ("first", "second"))
    keyless_condition = 'hasPrefix "keyless:" $.Values.evidence.signer'
    signer = '(dig "signer" "" $.Values.ledger.heads)'
    others = f'not (has {signer} (list "" "{HEADS_KEY_FILE}"))'
    kms = ("awskms:///alias/heads-first", "awskms:///alias/heads-second")
    return (
        Option("evidence.registry", "elsewhere", _never(), evidence, ("evidence", "registry"), elsewhere),
        Option(
            "evidence.signer", "keyless", keyless_condition, evidence, ("evidence", "signer"), (keyless[0], keyless[1])
        ),
        Option(
            "evidence.sigstore_ports",
            "given",
            _never(),
            {**evidence, **_KEYLESS},
            ("evidence", "sigstore_ports"),
            ([5555], [5556]),
        ),
        Option("ledger.heads.signer", "kms", others, heads, ("ledger", "heads", "signer"), (kms[0], kms[1])),
    )


def _never() -> str:
    """Return a condition that nobody may come to ask: what follows is named in WHERE."""
    return 'fail "nothing is asked by this"'
