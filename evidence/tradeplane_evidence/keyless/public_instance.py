"""The trusted root of the public instance of Sigstore, and of its staging, as they publish it (TUF).

sigstore-python fetches it and checks it by the TUF root that it is released with; what it has fetched it keeps in the
user's own directories. It needs the network each time, since a root is to be relied on only while it is fresh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradeplane_evidence.errors import InvalidKey, SignerUnavailable
from tradeplane_evidence.keyless.log_entries import NEEDED
from tradeplane_evidence.keyless.trusted_root import TrustRoot, read_trusted_root

if TYPE_CHECKING:
    from sigstore.models import ClientTrustConfig, SigningConfig


def fetch_trusted_root(*, staging: bool) -> TrustRoot:
    """Return the trusted root that is published now. Raises SignerUnavailable; takes as long as the network does."""
    return _trusted_root(_fetch(staging=staging, instead="--trusted-root"), staging=staging)


def fetch_instance(*, staging: bool) -> tuple[TrustRoot, SigningConfig]:
    """Return the trusted root, and which services are asked to sign; raises as ``fetch_trusted_root`` does."""
    found = _fetch(staging=staging, instead="--trusted-root and --signing-config")
    return _trusted_root(found, staging=staging), found.signing_config


def _fetch(*, staging: bool, instead: str) -> ClientTrustConfig:
    try:
        from sigstore.models import ClientTrustConfig
    except ImportError as error:
        raise InvalidKey(NEEDED) from error
    try:
        return ClientTrustConfig.staging() if staging else ClientTrustConfig.production()
    except Exception as error:  # of the library, of TUF, of the network and of the user's directories
        raise SignerUnavailable(
            f"the trusted root of {_name(staging=staging)} cannot be fetched: {error}; give that of the instance that "
            f"signs with {instead}, which needs no network"
        ) from error


def _trusted_root(config: ClientTrustConfig, *, staging: bool) -> TrustRoot:
    data = config.trusted_root._inner.to_json()  # noqa: SLF001 - the library writes it in no other way
    return read_trusted_root(data.encode(), f"the trusted root of {_name(staging=staging)}")


def _name(*, staging: bool) -> str:
    return "Sigstore's staging" if staging else "Sigstore's public instance"
