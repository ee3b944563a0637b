"""The trusted root of the public instance of Sigstore, and of its staging, as they publish it (TUF).

sigstore-python fetches it and checks it by the TUF root that it is released with; what it has fetched it keeps in the
user's own directories. It needs the network each time, since a root is to be relied on only while it is fresh.
"""

from __future__ import annotations

from tradeplane_evidence.errors import InvalidKey, SignerUnavailable
from tradeplane_evidence.keyless.log_entries import NEEDED
from tradeplane_evidence.keyless.trusted_root import TrustRoot, read_trusted_root


def fetch_trusted_root(*, staging: bool) -> TrustRoot:
    """Return the trusted root that is published now. Raises SignerUnavailable; takes as long as the network does."""
    try:
        from sigstore.models import ClientTrustConfig
    except ImportError as error:
        raise InvalidKey(NEEDED) from error
    name = "Sigstore's staging" if staging else "Sigstore's public instance"
    try:
        config = ClientTrustConfig.staging() if staging else ClientTrustConfig.production()
        data = config.trusted_root._inner.to_json()  # noqa: SLF001 - the library writes it in no other way
    except Exception as error:  # of the library, of TUF, of the network and of the user's directories
        raise SignerUnavailable(
            f"the trusted root of {name} cannot be fetched: {error}; give the root of the instance that signed with "
            "--trusted-root, which needs no network"
        ) from error
    return read_trusted_root(data.encode(), f"the trusted root of {name}")
