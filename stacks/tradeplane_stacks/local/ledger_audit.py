"""How the embedded cluster's API server tells the audit ledger's recorder who did what.

The recorder believes what it is told, so that who tells it shows a certificate of an authority that signs for nobody
else. An API server has one policy: where it writes an audit log as well, the ledger's rules stand in front of that
one's.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from tradeplane_stacks.images.settings import CHECKOUT
from tradeplane_stacks.local import kubeconfig
from tradeplane_stacks.local.certificates import CLUSTER, RECORDER, Certificates, Leaf, write_private
from tradeplane_stacks.local.control_plane import AUDIT_POLICY

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_stacks.local.layout import Layout
    from tradeplane_stacks.local.settings import Settings

NODE_PORT = 30843
"""Port of the nodes at which the recorder takes the audit log; operator/deploy/overlays/embedded/ledger has it too."""
SERVER, CLIENT = "recorder-server", "recorder-client"
POLICY = CHECKOUT / "operator/deploy/audit/policy.yaml"


@dataclass(frozen=True)
class LedgerAudit:
    """Certificates, policy and webhook of one cluster."""

    settings: Settings
    layout: Layout
    certificates: Certificates

    def leaves(self) -> list[Leaf]:
        """List the certificates of the recorder, which listens, and of the API server, which tells it."""
        return [
            Leaf(SERVER, CLUSTER, "tradeplane-recorder", (), (), (self.settings.address,), server=True),
            Leaf(CLIENT, RECORDER, "kube-apiserver", client=True),
        ]

    def settings_with_webhook(self) -> Settings:
        """Return the settings with the API server telling the recorder; a policy that was chosen stays."""
        policy = self.settings.audit_policy or self._policy
        return dataclasses.replace(self.settings, audit_policy=policy, audit_webhook=self.layout.kubeconfigs / CLIENT)

    def prepare(self) -> None:
        """Write policy and webhook; the certificates are there."""
        write_private(self._policy, policy(POLICY.read_text(encoding="utf-8"), log=self.settings.audit).encode())
        server = f"https://{self.settings.address}:{NODE_PORT}/audit"
        kubeconfig.write_all(self.layout.kubeconfigs, server, self.settings.instance, self.certificates, [CLIENT])

    def files(self) -> dict[str, bytes]:
        """Return what the recorder needs to be told: its certificate, its key, and whose clients it believes."""
        tls = self.certificates
        paths = {"tls.crt": tls.certificate(SERVER), "tls.key": tls.key(SERVER), "ca.crt": tls.certificate(RECORDER)}
        return {name: path.read_bytes() for name, path in paths.items()}

    @property
    def _policy(self) -> Path:
        return self.layout.config / "ledger-audit-policy.yaml"


def policy(ledger: str, *, log: bool) -> str:
    """Return the one policy of an API server: the ledger's, with the audit log's rules behind it where there is one.

    The ledger's own last rule is that nothing else is told; the others' take its place.
    """
    if not log:
        return ledger
    first, second = yaml.safe_load(ledger), yaml.safe_load(AUDIT_POLICY)
    if first["rules"][-1] != {"level": "None"}:
        raise ValueError(f"{POLICY} does not end with a rule that tells nothing else")
    return yaml.safe_dump({**first, "rules": [*first["rules"][:-1], *second["rules"]]}, sort_keys=False)
