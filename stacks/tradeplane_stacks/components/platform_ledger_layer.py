"""What the audit ledger lays over a platform: the recorder, and how it gets at the database and at where heads go."""

from collections.abc import Iterator
from typing import Any

from tradeplane_stacks.components.platform_layer import SYSTEM, ConfigMapFiles, Layer
from tradeplane_stacks.components.platform_ledger import HEADS_KEY_FILE, Ledger, LedgerAudit, PublishedHeads, S3Heads
from tradeplane_stacks.components.platform_patches import annotated, changed, merged, step

RECORDER = "tradeplane-recorder"
"""The recorder's Deployment, account and policy."""
_POD = "/spec/template/spec"
_POSTGRES = 5432


def ledger_layer(ledger: Ledger) -> Layer:
    """Return the layer of a ledger."""
    components, patches, made = ["ledger"], [], []
    if ledger.database_port != _POSTGRES:
        port = step("replace", "/spec/egress/1/ports/2/port", ledger.database_port)
        patches.append(changed("NetworkPolicy", RECORDER, port))
    if ledger.audit is not None:
        components.append("ledger-audit")
        patches += _audit(ledger.audit)
    if ledger.heads is not None:
        components.append("ledger-heads")
        patches += _heads(ledger.heads)
        made.append(_settings(ledger.heads))
    if ledger.role is not None:
        patches.append(annotated(RECORDER, SYSTEM, ledger.role))
    return Layer("ledger", tuple(components), tuple(patches), tuple(made))


def _audit(audit: LedgerAudit) -> Iterator[dict[str, Any]]:
    if audit.node_port is not None:
        ports = step("add", "/spec/ports/0/nodePort", audit.node_port)
        yield changed("Service", "tradeplane-recorder-audit", step("add", "/spec/type", "NodePort"), ports)


def _settings(heads: PublishedHeads) -> ConfigMapFiles:
    url = heads.url if isinstance(heads, S3Heads) else "file:///heads"
    return ConfigMapFiles("tradeplane-ledger-heads", {"heads": url, "every": str(heads.every_seconds)}, rolls=True)


def _heads(heads: PublishedHeads) -> Iterator[dict[str, Any]]:
    if isinstance(heads, S3Heads):
        yield _recorder({"env": [{"name": "AWS_REGION", "value": heads.region}]})
    else:
        # Beside the namespaces' stores, where the operator's own namespace has none.
        mount = {"name": "heads", "mountPath": "/heads", "subPath": "tradeplane-system/ledger-heads"}
        volume = {"name": "heads", "persistentVolumeClaim": {"claimName": "tradeplane-store"}}
        yield changed(
            "Deployment",
            RECORDER,
            step("add", f"{_POD}/containers/0/volumeMounts/-", mount),
            step("add", f"{_POD}/volumes/-", volume),
        )
    if heads.signer != HEADS_KEY_FILE:
        gone = {"$patch": "delete"}
        yield _recorder(
            {
                "env": [{"name": "HEADS_SIGNER", "value": heads.signer}],
                "volumeMounts": [{"mountPath": "/etc/tradeplane-ledger-signing", **gone}],
            },
            volumes=[{"name": "signing", **gone}],
        )


def _recorder(container: dict[str, Any], **pod: Any) -> dict[str, Any]:
    """Return the change that merges fields into the recorder's container, and into its pod."""
    spec = {"containers": [{"name": "recorder", **container}], **pod}
    metadata = {"name": RECORDER, "namespace": SYSTEM}
    template = {"template": {"spec": spec}}
    return merged({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": template})
