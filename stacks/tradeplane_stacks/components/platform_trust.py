"""Whose word a platform takes: who attests images, who attests data, and users, who approve what is started.

Each is a keyring of docs/evidence/keys.md. They are public, so that they lie in ConfigMaps; the operator reads them
anew as they change, and a key that is revoked here counts no more without a restart of anything.
"""

import json
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, StringConstraints
from tradeplane_api.approvers import MAX_APPROVERS, MAX_USER
from tradeplane_api.strategy import Mode

from tradeplane_stacks.components.cluster_access import KubernetesName
from tradeplane_stacks.components.configuration import Configuration
from tradeplane_stacks.components.platform_keys import PublicKey

_MAX_KEYS = 256

# RFC 3339, in UTC to the second, as keyrings have it.
Moment = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")]
Builder = Annotated[str, StringConstraints(max_length=512, pattern=r"^[a-z][a-z0-9+.-]*:\S+$")]
User = Annotated[str, StringConstraints(max_length=MAX_USER, pattern=r"^[^\x00-\x1f\x7f]+$")]


class TrustedKey(Configuration):
    """A public key, and from when until when it counts."""

    public_key: PublicKey
    not_before: Moment | None = None
    not_after: Moment | None = None
    # It is compromised from then on.
    revoked_from: Moment | None = None


class BuilderKey(TrustedKey):
    """A key that attests images, or data."""

    # Builders that it signs for; any where they are left out.
    builders: Annotated[tuple[Builder, ...], Field(min_length=1, max_length=64)] | None = None


class ApproverKey(TrustedKey):
    """A key by which users approve."""

    users: Annotated[tuple[User, ...], Field(min_length=1, max_length=64)]


class ImageTrust(Configuration):
    """By whom images must be attested to be run (docs/evidence/images.md)."""

    # Left out where somebody else makes the ConfigMap tradeplane-trusted-keys.
    keys: Annotated[tuple[BuilderKey, ...], Field(min_length=1, max_length=_MAX_KEYS)] | None = None
    # Builders of images that will do; any that a key signs for where they are left out.
    builders: Annotated[tuple[Builder, ...], Field(max_length=64)] = ()
    plain_http: bool = False
    # How long an image that was verified is, for what is started next.
    valid_seconds: Annotated[int, Field(ge=1)] = 3_600


class SnapshotTrust(Configuration):
    """Who attests data beside the operator (docs/evidence/operator.md)."""

    # Left out where somebody else makes the ConfigMap tradeplane-snapshot-keys.
    keys: Annotated[tuple[BuilderKey, ...], Field(min_length=1, max_length=_MAX_KEYS)] | None = None


class ApprovalRule(Configuration):
    """What needs approval before it starts."""

    modes: Annotated[tuple[Mode, ...], Field(min_length=1, max_length=8)]
    # All where they are left out.
    namespaces: tuple[KubernetesName, ...] = ()
    approvers: Annotated[int, Field(ge=1, le=MAX_APPROVERS)] = 1


class Approvals(Configuration):
    """What starts only once users approved it, and which users (docs/evidence/approvals.md)."""

    rules: Annotated[tuple[ApprovalRule, ...], Field(min_length=1, max_length=64)]
    # Left out where somebody else makes the ConfigMap tradeplane-approvers.
    keys: Annotated[tuple[ApproverKey, ...], Field(min_length=1, max_length=_MAX_KEYS)] | None = None


def keyring(keys: Sequence[TrustedKey]) -> str:
    """Return the keyring of keys, as the operator reads it."""
    document = {"schemaVersion": 1, "kind": "Keyring", "keys": [_entry(key) for key in keys]}
    return json.dumps(document, indent=2) + "\n"


def _entry(key: TrustedKey) -> dict[str, Any]:
    named = {
        "publicKey": key.public_key,
        "notBefore": key.not_before,
        "notAfter": key.not_after,
        "revokedFrom": key.revoked_from,
        "builders": key.builders if isinstance(key, BuilderKey) else None,
        "users": key.users if isinstance(key, ApproverKey) else None,
    }
    return {name: value for name, value in named.items() if value is not None}
