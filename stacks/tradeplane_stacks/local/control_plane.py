"""Command lines of etcd, the API server, the controller-manager and the scheduler.

Pure: from settings to components. Everything speaks TLS with client certificates, also on loopback; no request is
anonymous; there is one of each, so nothing waits for an election.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradeplane_stacks.local import binaries
from tradeplane_stacks.local.certificates import CLUSTER, ETCD, FRONT_PROXY, Certificates
from tradeplane_stacks.local.component import Component, Placement, flags
from tradeplane_stacks.local.probes import HttpProbe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tradeplane_stacks.local.layout import Layout
    from tradeplane_stacks.local.settings import Settings

ISSUER = "https://kubernetes.default.svc.cluster.local"
"""Issuer of service account tokens."""
_JOB_SYNCS = 20  # more Jobs are worked on at once than the default 5, so that bursts of short runs are not held up


@dataclass(frozen=True)
class Ports:
    """TCP ports of the control plane."""

    etcd: int = 2379
    etcd_peer: int = 2380
    api_server: int = 6443
    controller_manager: int = 10257
    scheduler: int = 10259


AUDIT_WEBHOOK: dict[str, object] = {
    "audit-webhook-mode": "batch",
    "audit-webhook-batch-max-wait": "1s",
    # Five tries in all, each pause half as long again: a receiver may be away for 80 s before events are dropped.
    "audit-webhook-initial-backoff": "10s",
    # A batch of the largest events is within what the receiver reads. Truncating also takes out, one by one, events
    # that have no JSON (an apply patch that was sent as YAML), which would otherwise take their whole batch with them.
    "audit-webhook-batch-max-size": 8,
    "audit-webhook-batch-throttle-qps": 50,
    "audit-webhook-batch-throttle-burst": 100,
    "audit-webhook-truncate-enabled": True,
    "audit-webhook-truncate-max-event-size": 2_000_000,
}
"""How the API server tells its audit events. docs/evidence/ledger.md has the same for other clusters."""


def unplaced(_name: str) -> Placement:
    """Leave a component in the namespaces and cgroups of who starts it."""
    return Placement()


@dataclass(frozen=True)
class ControlPlane:
    """All that decides the control plane's command lines."""

    settings: Settings
    layout: Layout
    certificates: Certificates
    programs: Mapping[binaries.Program, Path]
    ports: Ports = Ports()
    place: Callable[[str], Placement] = unplaced

    @property
    def server(self) -> str:
        """URL of the API server."""
        return f"https://{self.settings.address}:{self.ports.api_server}"

    def stores(self) -> list[Component]:
        """List what must stand before the API server: etcd."""
        return [self._etcd()]

    def servers(self) -> list[Component]:
        """List the API server."""
        return [self._api_server()]

    def controllers(self) -> list[Component]:
        """List what works through the API server."""
        return [self._controller_manager(), self._scheduler()] if self.settings.controllers else []

    def _etcd(self) -> Component:
        address, ports, tls = self.settings.address, self.ports, self.certificates
        client, peer = f"https://{address}:{ports.etcd}", f"https://{address}:{ports.etcd_peer}"
        own, authority = "etcd-server", tls.certificate(ETCD)
        options: dict[str, object] = {
            "name": "default",
            "data-dir": self.layout.data / "etcd",
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"default={peer}",
            "cert-file": tls.certificate(own),
            "key-file": tls.key(own),
            "client-cert-auth": True,
            "trusted-ca-file": authority,
            "peer-cert-file": tls.certificate(own),
            "peer-key-file": tls.key(own),
            "peer-client-cert-auth": True,
            "peer-trusted-ca-file": authority,
            "quota-backend-bytes": 4 * 2**30,
            "log-level": "warn",
        }
        if self.settings.control_plane_only:  # thrown away after the tests: what a power cut would lose does not matter
            options["unsafe-no-fsync"] = True
        return Component(
            name="etcd",
            argv=(str(self.programs[binaries.ETCD]), *flags(options)),
            probe=HttpProbe(
                f"{client}/health",
                authority,
                tls.certificate("apiserver-etcd-client"),
                tls.key("apiserver-etcd-client"),
            ),
            inputs=(authority, tls.certificate(own)),
            placement=self.place("etcd"),
        )

    def _api_server(self) -> Component:
        tls = self.certificates
        options = {
            **self._api_server_listens(),
            **self._api_server_trusts(),
            **self._api_server_reaches(),
        }
        inputs = [tls.certificate(name) for name in ("apiserver", CLUSTER, ETCD, FRONT_PROXY)]
        inputs.append(tls.service_account_public_key)
        audit, files = self._audits()
        options |= audit
        inputs += files
        return Component(
            name="kube-apiserver",
            argv=(str(self.programs[binaries.API_SERVER]), *flags(options)),
            probe=self._probe(f"{self.server}/readyz", "admin"),
            inputs=tuple(inputs),
            placement=self.place("kube-apiserver"),
            stop_limit=20.0,
        )

    def _api_server_listens(self) -> dict[str, object]:
        listens: dict[str, object] = {
            "bind-address": self.settings.address,
            "secure-port": self.ports.api_server,
            "advertise-address": self.settings.address,
            "service-cluster-ip-range": self.settings.service_subnet,
            "allow-privileged": True,
            "profiling": False,
            "tls-cert-file": self.certificates.certificate("apiserver"),
            "tls-private-key-file": self.certificates.key("apiserver"),
            "tls-min-version": "VersionTLS12",
        }
        if self.settings.control_plane_only:  # loopback cannot be the endpoint of a Service, and no pod asks for it
            listens["endpoint-reconciler-type"] = "none"
        return listens

    def _api_server_trusts(self) -> dict[str, object]:
        tls = self.certificates
        return {
            "anonymous-auth": False,
            "authorization-mode": "Node,RBAC",
            "enable-admission-plugins": "NodeRestriction",
            "client-ca-file": tls.certificate(CLUSTER),
            "service-account-issuer": ISSUER,
            "service-account-key-file": tls.service_account_public_key,
            "service-account-signing-key-file": tls.service_account_key,
            "requestheader-client-ca-file": tls.certificate(FRONT_PROXY),
            "requestheader-allowed-names": "front-proxy-client",
            "requestheader-username-headers": "X-Remote-User",
            "requestheader-group-headers": "X-Remote-Group",
            "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        }

    def _api_server_reaches(self) -> dict[str, object]:
        tls = self.certificates
        return {
            "etcd-servers": f"https://{self.settings.address}:{self.ports.etcd}",
            "etcd-cafile": tls.certificate(ETCD),
            "etcd-certfile": tls.certificate("apiserver-etcd-client"),
            "etcd-keyfile": tls.key("apiserver-etcd-client"),
            "kubelet-certificate-authority": tls.certificate(CLUSTER),
            "kubelet-client-certificate": tls.certificate("apiserver-kubelet-client"),
            "kubelet-client-key": tls.key("apiserver-kubelet-client"),
            "kubelet-preferred-address-types": "InternalIP",
            "proxy-client-cert-file": tls.certificate("front-proxy-client"),
            "proxy-client-key-file": tls.key("front-proxy-client"),
        }

    def _audits(self) -> tuple[dict[str, object], list[Path]]:
        """Return the options of the audit log and of its webhook, and the files they name."""
        settings = self.settings
        if not settings.audit and settings.audit_webhook is None:
            return {}, []
        policy = settings.audit_policy or self.layout.config / "audit-policy.yaml"
        options: dict[str, object] = {"audit-policy-file": policy}
        if settings.audit:
            options |= {
                "audit-log-path": self.layout.logs / "audit.log",
                "audit-log-maxsize": 50,
                "audit-log-maxbackup": 2,
            }
        if settings.audit_webhook is None:
            return options, [policy]
        options |= {"audit-webhook-config-file": settings.audit_webhook, **AUDIT_WEBHOOK}
        return options, [policy, settings.audit_webhook]

    def _controller_manager(self) -> Component:
        tls = self.certificates
        specific = {
            "use-service-account-credentials": True,
            "service-account-private-key-file": tls.service_account_key,
            "root-ca-file": tls.certificate(CLUSTER),
            "cluster-signing-cert-file": tls.certificate(CLUSTER),
            "cluster-signing-key-file": tls.key(CLUSTER),
            "concurrent-job-syncs": _JOB_SYNCS,
            "allocate-node-cidrs": False,
            # a claim that is bound to its volume by name would otherwise wait for the next of the default 15 s
            "pvclaimbinder-sync-period": "1s",
        }
        program = self.programs[binaries.CONTROLLER_MANAGER]
        return self._controller("kube-controller-manager", program, self.ports.controller_manager, specific)

    def _scheduler(self) -> Component:
        return self._controller("kube-scheduler", self.programs[binaries.SCHEDULER], self.ports.scheduler, {})

    def _controller(self, name: str, program: Path, port: int, specific: dict[str, object]) -> Component:
        tls, kubeconfig = self.certificates, self.layout.kubeconfigs / name
        options: dict[str, object] = {
            "kubeconfig": kubeconfig,
            "authentication-kubeconfig": kubeconfig,
            "authorization-kubeconfig": kubeconfig,
            "bind-address": self.settings.address,
            "secure-port": port,
            "tls-cert-file": tls.certificate(f"{name}-server"),
            "tls-private-key-file": tls.key(f"{name}-server"),
            "leader-elect": False,
            "profiling": False,
            "kube-api-qps": self.settings.client_qps,
            "kube-api-burst": 2 * self.settings.client_qps,
            **specific,
        }
        return Component(
            name=name,
            argv=(str(program), *flags(options)),
            probe=self._probe(f"https://{self.settings.address}:{port}/healthz", "admin"),
            inputs=(kubeconfig, tls.certificate(f"{name}-server"), tls.certificate(CLUSTER)),
            placement=self.place(name),
        )

    def _probe(self, url: str, client: str) -> HttpProbe:
        tls = self.certificates
        return HttpProbe(url, tls.certificate(CLUSTER), tls.certificate(client), tls.key(client))


AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: None
    nonResourceURLs: ["/healthz*", "/livez*", "/readyz*", "/version"]
  - level: None
    resources: [{group: coordination.k8s.io, resources: [leases]}]
  - level: Metadata
"""
"""Who did what to which object; never the objects themselves, for Secrets are among them."""
