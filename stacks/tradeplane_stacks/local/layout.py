"""Where each file of a cluster lies below its state directory.

Three kinds are kept apart: what must survive (``data``, ``volumes``, ``registry``, ``certificates``), what is written
anew at each start (``config``, ``kubeconfigs``), and what has no meaning once the processes are gone (``run``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """Paths below one state directory; nothing is created by asking for them."""

    state: Path

    @property
    def certificates(self) -> Path:
        """Certificate authorities, certificates and private keys (mode 0700)."""
        return self.state / "certificates"

    @property
    def kubeconfigs(self) -> Path:
        """One kubeconfig for each client of the API server (mode 0700)."""
        return self.state / "kubeconfigs"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.kubeconfigs / "admin"

    @property
    def config(self) -> Path:
        """Configuration files of the components, written at each start."""
        return self.state / "config"

    @property
    def logs(self) -> Path:
        """One log for each component, and the previous one."""
        return self.state / "logs"

    @property
    def run(self) -> Path:
        """Process records, sockets and namespaces: removed when the cluster is down."""
        return self.state / "run"

    @property
    def volumes(self) -> Path:
        """Directories that PersistentVolumes point at."""
        return self.state / "volumes"

    @property
    def store(self) -> Path:
        """The file store of tradeplane, one directory a namespace."""
        return self.volumes / "store"

    @property
    def pool(self) -> Path:
        """Volumes of the default StorageClass, one directory each."""
        return self.volumes / "pool"

    @property
    def registry(self) -> Path:
        """Blobs of the OCI registry."""
        return self.state / "registry"

    @property
    def ledger(self) -> Path:
        """Passwords of the audit ledger's roles, and the URLs that have them (mode 0700)."""
        return self.state / "ledger"

    @property
    def stack(self) -> Path:
        """The stack by which the demo installs tradeplane on this cluster, with its state."""
        return self.state / "stack"

    @property
    def data(self) -> Path:
        """Data of etcd, Postgres, containerd and kubelet."""
        return self.state / "data"

    @property
    def ports(self) -> Path:
        """The loopback ports that a control plane without nodes was given."""
        return self.state / "ports.json"

    @property
    def lock(self) -> Path:
        """Held by the one command that starts or stops this cluster."""
        return self.state / "lock"

    def kept(self) -> tuple[Path, ...]:
        """All that ``down --purge`` removes besides what every ``down`` removes."""
        return (
            self.certificates,
            self.kubeconfigs,
            self.config,
            self.logs,
            self.volumes,
            self.registry,
            self.ledger,
            self.stack,
            self.data,
            self.ports,
        )
