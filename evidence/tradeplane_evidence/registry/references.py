"""Names of things in a registry: ``host[:port]/repository[:tag][@sha256:<hex>]``.

Source: OCI Distribution Specification 1.1, "Pulling manifests", for the grammar of repositories and tags.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace

from tradeplane_evidence.errors import InvalidReference

_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?")
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
MAX_REFERENCE = 512


@dataclass(frozen=True, slots=True)
class Reference:
    """A repository of a registry, and perhaps what in it."""

    host: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.host}/{self.repository}{tag}{digest}"

    def at(self, digest: str) -> Reference:
        """Return what has this digest in the same repository."""
        return replace(self, tag=None, digest=digest)

    @property
    def is_loopback(self) -> bool:
        """Whether the registry is this machine's own, which is spoken to without TLS, as docker and cosign do."""
        name = self.host.rsplit(":", 1)[0] if not self.host.endswith("]") else self.host
        if name == "localhost":
            return True
        try:
            return ipaddress.ip_address(name.strip("[]")).is_loopback
        except ValueError:
            return False


def is_digest(text: object) -> bool:
    """Return whether something is a digest as references have it: ``sha256:`` and 64 hexadecimal digits."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def parse_reference(text: str) -> Reference:
    """Return the reference of a text. Raises InvalidReference; a host is asked for, as there is no default registry."""
    host, slash, rest = text.partition("/")
    name, _, digest = rest.partition("@")
    repository, _, tag = name.partition(":")
    if len(text) > MAX_REFERENCE or not slash or not _HOST.fullmatch(host) or not _names_host(host):
        raise _invalid(text, "it does not begin with the host of a registry")
    if not _REPOSITORY.fullmatch(repository):
        raise _invalid(text, "its repository must be of lower-case letters, digits, and ., _ and - between them")
    if ":" in name and not _TAG.fullmatch(tag):
        raise _invalid(text, "its tag is none")
    if "@" in rest and not _DIGEST.fullmatch(digest):
        raise _invalid(text, "its digest must be sha256: and 64 hexadecimal digits in lower case")
    return Reference(host, repository, tag or None, digest or None)


def _names_host(host: str) -> bool:
    return "." in host or ":" in host or host == "localhost"


def _invalid(text: str, why: str) -> InvalidReference:
    return InvalidReference(
        f"{text[:MAX_REFERENCE]!r} names nothing in a registry: {why}; write it as "
        "registry.example.com/runs/sp500-macd@sha256:..."
    )
