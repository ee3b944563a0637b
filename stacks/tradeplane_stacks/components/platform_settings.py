"""What the operator of a platform is told (docs/operator.md): its settings, of the configuration.

Pure. The operator's own model judges the result in tests, as no room but the operator's knows it.
"""

from typing import Any

from tradeplane_stacks.components.platform_config import ActiveRegion, PlatformConfig, S3Store
from tradeplane_stacks.components.platform_evidence import Evidence
from tradeplane_stacks.components.platform_trust import Approvals, ImageTrust

CLAIM = "tradeplane-store"
"""The claim of a store on a volume, in every namespace, and the Secret of one in the network."""
_TRUSTED_KEYS = "/etc/tradeplane-trust/keyring.json"
_APPROVERS = "/etc/tradeplane-approvers/keyring.json"
_SNAPSHOT_KEYS = "/etc/tradeplane-snapshot-keys/keyring.json"


def settings(config: PlatformConfig) -> dict[str, Any]:
    """Return the operator's settings, but for the runner's image."""
    found: dict[str, Any] = {
        "stores": {"default": _store(config)},
        "images": {"registries": list(config.image_registries)},
        "limits": {"runs": config.limits.runs, "runsPerNamespace": config.limits.runs_per_namespace},
    }
    if config.serves == "namespaces":
        found["namespaces"] = [namespace.name for namespace in config.namespaces]
    if config.images.attested is not None:
        listed = any(namespace.verified_images for namespace in config.namespaces)
        found["images"]["attested"] = _image_trust(config.images.attested, listed=listed)
    if config.evidence is not None:
        found["evidence"] = _evidence(config.evidence)
    if config.approvals is not None:
        found["approvals"] = _approvals(config.approvals)
    if config.failover is not None:
        found["region"] = _region(config.failover)
    return found


def _store(config: PlatformConfig) -> dict[str, Any]:
    store = config.store
    if not isinstance(store, S3Store):
        return {"url": "file:///store", "claim": CLAIM}
    checksum = {} if store.checksum is None else {"AWS_CHECKSUM_ALGORITHM": store.checksum}
    found: dict[str, Any] = {"url": store.url, "environment": {"AWS_REGION": store.region, **checksum}}
    return found | ({"credentialsSecret": CLAIM} if store.credentials == "secret" else {})


def _image_trust(trust: ImageTrust, *, listed: bool) -> dict[str, Any]:
    return {
        "keyring": _TRUSTED_KEYS,
        "builders": list(trust.builders),
        "plainHttp": trust.plain_http,
        "listed": listed,
        "validSeconds": trust.valid_seconds,
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    found: dict[str, Any] = {
        "registry": evidence.registry,
        "signer": evidence.signer,
        "plainHttp": evidence.plain_http,
        "required": evidence.required,
    }
    if evidence.timestamp_authority is not None:
        found["timestampAuthority"] = evidence.timestamp_authority
    if evidence.signatures_per_second is not None:
        found["signaturesPerSecond"] = evidence.signatures_per_second
    if evidence.snapshots is not None:
        found["snapshotKeys"] = _SNAPSHOT_KEYS
    return found


def _approvals(approvals: Approvals) -> dict[str, Any]:
    rules = [
        {
            "modes": [mode.value for mode in rule.modes],
            "namespaces": list(rule.namespaces),
            "approvers": rule.approvers,
        }
        for rule in approvals.rules
    ]
    return {"keyring": _APPROVERS, "rules": rules}


def _region(region: ActiveRegion) -> dict[str, Any]:
    return {
        "name": region.name,
        "table": region.table,
        "tableRegions": list(region.table_regions),
        "validSeconds": region.valid_seconds,
    }
