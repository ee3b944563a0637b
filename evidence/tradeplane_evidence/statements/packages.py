"""Package URLs of what lies in an OCI registry: by name and digest, and in which repository.

Source: package URL specification (purl), type ``oci``.
"""

from __future__ import annotations

import re

from tradeplane_evidence.errors import Malformed

_PACKAGE = re.compile(r"pkg:oci/[^@?#]+@sha256%3A([0-9a-f]{64})\?(?:arch=[^&#]*&)?repository_url=([^&#]+)")


def oci_package(repository: str, digest: str, platform: str | None = None) -> str:
    """Return the package URL of what has a digest in a repository.

    ``platform``: what it is the image for, where it is that of one.
    """
    name = repository.rpartition("/")[2].partition(":")[0].lower()
    arch = "" if platform is None else f"arch={platform.partition('/')[2].replace('/', '%2F')}&"
    return f"pkg:oci/{name}@{digest.replace(':', '%3A')}?{arch}repository_url={repository.replace(':', '%3A')}"


def in_registry(uri: str) -> str:
    """Return the reference, as ``repository@sha256:<hex>``, of what a package URL names. Raises Malformed."""
    found = _PACKAGE.fullmatch(uri)
    if found is None:
        raise Malformed(f"{uri[:200]!r} is no package URL of type oci with a digest and a repository")
    digits, repository = found.groups()
    return f"{repository.replace('%3A', ':')}@sha256:{digits}"
