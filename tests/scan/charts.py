"""What is scanned of Helm's charts: the objects that they come to, by values of which each template makes something.

The three together, as they are installed: what a network policy is for, or a binding's policy, is in another of them.
"""

from __future__ import annotations

import re
import tarfile
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tests.integration.stacks.helm import NAMES, packed, written
from tests.scan.rendering import IMAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Json = dict[str, Any]
_ROLE = "arn:aws:iam::111122223333:role/tradeplane"
_IMAGES = {"operator": IMAGES.operator, "workloads": IMAGES.workloads}
_RESEARCH = {"name": "research", "tenant": "research", "brokers": True}
_S3 = {"kind": "s3", "url": "s3://tradeplane-results/runs", "region": "eu-west-1"}
_KEYLESS = (
    "keyless:/etc/tradeplane-sigstore/trust-config.json?token-file=/var/run/secrets/sigstore/token"
    "&identity=https://kubernetes.io/namespaces/tradeplane-system/serviceaccounts/tradeplane-operator"
)

VALUES: Mapping[str, Json] = MappingProxyType(
    {
        # A service of two regions on AWS, with all that it can have.
        "s3": {
            "images": {**_IMAGES, "attested": {"builders": ["https://builders.example/release"]}},
            "store": _S3,
            "evidence": {
                "registry": "registry.example:5443/runs",
                "signer": _KEYLESS,
                "trust_config": {"mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"},
                "sigstore_ports": [5555],
                "snapshots": {},
                "required": True,
            },
            "approvals": {"rules": [{"modes": ["Live"], "namespaces": ["research"]}]},
            "ledger": {
                "audit": {},
                "heads": {**_S3, "url": "s3://tradeplane-heads/heads", "signer": "awskms:///alias/tradeplane-heads"},
                "role": f"{_ROLE}-recorder",
            },
            "monitoring": {},
            "failover": {"name": "eu-west-1", "table": "tradeplane-active", "table_regions": ["eu-north-1"]},
            "pod_identity": True,
            "operator_role": f"{_ROLE}-operator",
            "architecture": "arm64",
            "namespaces": [
                {**_RESEARCH, "quota": "large", "verified_images": True, "runner_role": f"{_ROLE}-research"}
            ],
        },
        # A cluster of one machine: volumes, keys in Secrets, queues, and the API server beside its nodes.
        "volume": {
            "images": _IMAGES,
            "store": {"kind": "volume", "directory": "/var/lib/tradeplane", "removal": True},
            "evidence": {
                "registry": "registry.example/runs",
                "signer": "file:/etc/tradeplane-signing/key.pem",
                "timestamp_authority": "https://timestamps.example",
            },
            "ledger": {"audit": {"node_port": 30_443}, "heads": {"kind": "volume"}},
            "queues": {"worker": True},
            "monitoring": {},
            "policies": ["image-sources", "resources", "restricted-pods"],
            "namespaces": [{"name": "research", "queue": True}],
        },
        # A store outside AWS, and an operator that sees two namespaces alone.
        "served": {
            "images": _IMAGES,
            "store": {**_S3, "credentials": "secret"},
            "serves": "namespaces",
            "namespaces": [_RESEARCH],
        },
    }
)
"""By name; each is checked by the charts' own schemas."""

_SOURCE = re.compile(r"^# Source: (\S+)$", re.MULTILINE)


class UnseenTemplates(Exception):
    """Templates that no values make anything of: nobody would judge them."""


def render_charts(folder: Path) -> dict[str, str]:
    """Return what the charts come to, by values, as YAML; what is written on the way lies in a folder.

    Raises:
        UnseenTemplates: a template is in no rendering.

    """
    (folder / "charts").mkdir()
    helm = packed(folder / "charts")
    rendered = {}
    for name, values in VALUES.items():
        file = written(values, folder)
        rendered[f"chart-{name}"] = "\n".join(
            helm.done("template", "tradeplane", helm.chart(chart), "--values", file) for chart in NAMES
        )
    refuse_unseen((path for chart in NAMES for path in _templates(helm.chart(chart))), rendered.values())
    return rendered


def _templates(packed_chart: Path) -> list[str]:
    with tarfile.open(packed_chart) as archive:
        return [one for one in archive.getnames() if "/templates/" in one]


def refuse_unseen(templates: Iterable[str], rendered: Iterable[str]) -> None:
    """Refuse templates, by their paths from the charts' own names on, that are in no rendering.

    Raises:
        UnseenTemplates: there are such.

    """
    seen = {path for text in rendered for path in _SOURCE.findall(text)}
    # What is included by others, and what only refuses values, makes no object.
    made = {one for one in templates if not one.endswith((".tpl", "/checks.yaml"))}
    if unseen := sorted(made - seen):
        raise UnseenTemplates(f"no values of tests/scan/charts.py make anything of {', '.join(unseen)}")
