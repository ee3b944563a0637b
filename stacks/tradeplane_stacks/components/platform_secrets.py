"""Secrets that a platform's configuration has the contents of: Pulumi keeps what is in them encrypted.

What is left out of the configuration is somebody else's Secret, by the same name.
"""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import pulumi

from tradeplane_stacks.components.platform_config import PlatformConfig
from tradeplane_stacks.components.platform_evidence import Evidence
from tradeplane_stacks.components.platform_layer import SYSTEM
from tradeplane_stacks.components.platform_ledger import Ledger


def secrets(config: PlatformConfig) -> Iterator[dict[str, Any]]:
    """Return the Secrets of the operator's namespace."""
    if config.evidence is not None:
        yield from _of_evidence(config.evidence)
    if config.ledger is not None:
        yield from _of_ledger(config.ledger)


def ledger_login(url: pulumi.Input[str], ca: str) -> dict[str, Any]:
    """Return the Secret by which the recorder logs in to a database that is made beside it."""
    return _secret("tradeplane-ledger", {"url": url, "ca.crt": ca})


def _of_evidence(evidence: Evidence) -> Iterator[dict[str, Any]]:
    if evidence.signing_key is not None:
        yield _secret("tradeplane-signing-key", {"key.pem": evidence.signing_key.get_secret_value()})
    if evidence.registry_login is not None:
        files = {".dockerconfigjson": evidence.registry_login.get_secret_value()}
        yield _secret("tradeplane-registry", files, "kubernetes.io/dockerconfigjson")


def _of_ledger(ledger: Ledger) -> Iterator[dict[str, Any]]:
    if ledger.database is not None:
        ca = {} if ledger.database.ca is None else {"ca.crt": ledger.database.ca}
        yield _secret("tradeplane-ledger", {"url": ledger.database.url.get_secret_value(), **ca})
    if ledger.audit is not None and (tls := ledger.audit.certificates) is not None:
        files = {"tls.crt": tls.certificate, "tls.key": tls.key.get_secret_value(), "ca.crt": tls.client_ca}
        yield _secret("tradeplane-audit", files)
    if ledger.heads is not None and ledger.heads.signing_key is not None:
        yield _secret("tradeplane-ledger-signing", {"key.pem": ledger.heads.signing_key.get_secret_value()})


def _secret(name: str, files: Mapping[str, pulumi.Input[str]], kind: str = "Opaque") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": SYSTEM, "labels": {"app.kubernetes.io/part-of": "tradeplane"}},
        "type": kind,
        "data": pulumi.Output.secret(pulumi.Output.all(**files).apply(_encoded)),
    }


def _encoded(files: Mapping[str, str]) -> dict[str, str]:
    return {file: base64.b64encode(text.encode()).decode() for file, text in files.items()}
