"""Settings of the embedded cluster: what can be chosen, the defaults, and where everything lies.

All come from the environment, because the Makefile, the tests and a person at a shell set it alike. They are validated
when the object is made, so no later step meets an impossible one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

from tradeplane_stacks.local.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

_NODE_SUBNET = IPv4Network("10.88.0.0/24")
_POD_SUBNET = IPv4Network("10.89.0.0/16")
_SERVICE_SUBNET = IPv4Network("10.96.0.0/16")
_INSTANCE = re.compile(r"^[a-z][a-z0-9]{0,10}$")
_PLAIN_PATH = re.compile(r"^[A-Za-z0-9._/-]+$")
_LONGEST_STATE = 60  # Unix sockets lie below the state directory, and their paths end at 107 bytes
_WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True)
class Settings:
    """Where the embedded cluster lives and what it is made of.

    Raises:
        SettingsError: when a value cannot be used; the message names the environment variable.

    """

    state: Path
    """Directory of everything that the cluster keeps: data, certificates, logs (``TRADEPLANE_STATE``)."""
    cache: Path
    """Directory of built programs, shared by all clusters of the user (``TRADEPLANE_CACHE``)."""
    instance: str = "tradeplane"
    """Name of the network namespace and the cgroup: two clusters can stand side by side (``TRADEPLANE_INSTANCE``)."""
    arm64: bool = True
    """Whether there is an emulated arm64 node (``ARM64``)."""
    audit: bool = False
    """Whether the API server writes an audit log, metadata of every request (``TRADEPLANE_AUDIT``)."""
    postgres: bool = True
    """Whether there is a Postgres for the audit ledger (``TRADEPLANE_POSTGRES``); never with ``control_plane_only``."""
    audit_policy: Path | None = None
    """File of the audit policy, in place of the one for ``audit`` (``TRADEPLANE_AUDIT_POLICY``)."""
    audit_webhook: Path | None = None
    """Kubeconfig of who is told audit events, of the policy above (``TRADEPLANE_AUDIT_WEBHOOK``)."""
    control_plane_only: bool = False
    """Only etcd and the API server, on loopback: no nodes, no root, no namespaces. For tests."""
    controllers: bool = True
    """With ``control_plane_only``: whether the controller-manager and the scheduler run as well."""
    registry_port: int = 5000
    """Port of the OCI registry on the control plane's address."""
    postgres_port: int = 5432
    """Port of Postgres on the control plane's address."""
    client_qps: int = 100
    """Requests a second of controller-manager and scheduler each; the burst is twice that
    (``TRADEPLANE_CLIENT_QPS``)."""
    node_subnet: IPv4Network = _NODE_SUBNET
    """Addresses of the machine (.1), the control plane and amd64 node (.2), and the arm64 node (.3)."""
    pod_subnet: IPv4Network = _POD_SUBNET
    """Addresses of pods; each node has a /24 of it."""
    service_subnet: IPv4Network = _SERVICE_SUBNET
    """Addresses of Services; .1 is the API server's, .10 the name server's."""

    def __post_init__(self) -> None:
        self._check_names()
        self._check_subnets()
        self._check_audit()
        if self.client_qps < 1:
            raise SettingsError(f"TRADEPLANE_CLIENT_QPS is {self.client_qps}: give a number of at least 1.")

    def _check_names(self) -> None:
        if not _INSTANCE.match(self.instance):
            raise SettingsError(
                f"TRADEPLANE_INSTANCE is {self.instance!r}: it names network interfaces, so give 1 to 11 "
                "small letters and digits, a letter first."
            )
        if not self.state.is_absolute() or not self.cache.is_absolute():
            raise SettingsError(
                f"TRADEPLANE_STATE ({self.state}) and TRADEPLANE_CACHE ({self.cache}) must be absolute paths."
            )
        if not _PLAIN_PATH.match(str(self.state)):
            raise SettingsError(
                f"TRADEPLANE_STATE is {str(self.state)!r}: give a path of letters, digits, '.', '_', '-' and '/', "
                "for it goes into the configuration of other programs."
            )
        if not self.control_plane_only and len(str(self.state)) > _LONGEST_STATE:
            raise SettingsError(
                f"TRADEPLANE_STATE is {len(str(self.state))} characters long, too long for the sockets below it: "
                f"choose a path of at most {_LONGEST_STATE}."
            )

    def _check_audit(self) -> None:
        files = {"TRADEPLANE_AUDIT_POLICY": self.audit_policy, "TRADEPLANE_AUDIT_WEBHOOK": self.audit_webhook}
        for variable, path in files.items():
            if path is not None and not path.is_absolute():
                raise SettingsError(f"{variable} ({path}) must be an absolute path.")
        if self.audit_webhook is not None and self.audit_policy is None:
            raise SettingsError(
                "TRADEPLANE_AUDIT_WEBHOOK is set and TRADEPLANE_AUDIT_POLICY is not: name the policy of what is told, "
                "such as operator/deploy/audit/policy.yaml."
            )

    def _check_subnets(self) -> None:
        named = {
            "TRADEPLANE_NODE_SUBNET": (self.node_subnet, 28),
            "TRADEPLANE_POD_SUBNET": (self.pod_subnet, 22),
            "TRADEPLANE_SERVICE_SUBNET": (self.service_subnet, 24),
        }
        for variable, (subnet, longest) in named.items():
            if subnet.prefixlen > longest:
                raise SettingsError(f"{variable} is {subnet}: too small, give a /{longest} or larger.")
        pairs = list(named.items())
        for position, (variable, (subnet, _)) in enumerate(pairs):
            for other_variable, (other, _) in pairs[position + 1 :]:
                if subnet.overlaps(other):
                    raise SettingsError(f"{variable} ({subnet}) and {other_variable} ({other}) overlap: move one.")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings from environment variables, with defaults for those that are not set."""
        caches = environment.get("XDG_CACHE_HOME") or str(Path(environment.get("HOME") or Path.home()) / ".cache")
        return cls(
            state=Path(environment.get("TRADEPLANE_STATE") or "/var/lib/tradeplane"),
            cache=Path(environment.get("TRADEPLANE_CACHE") or Path(caches) / "tradeplane"),
            instance=environment.get("TRADEPLANE_INSTANCE") or cls.instance,
            arm64=_flag(environment, "ARM64", default=cls.arm64),
            audit=_flag(environment, "TRADEPLANE_AUDIT", default=cls.audit),
            postgres=_flag(environment, "TRADEPLANE_POSTGRES", default=cls.postgres),
            audit_policy=_path(environment, "TRADEPLANE_AUDIT_POLICY"),
            audit_webhook=_path(environment, "TRADEPLANE_AUDIT_WEBHOOK"),
            client_qps=_number(environment, "TRADEPLANE_CLIENT_QPS", default=cls.client_qps),
            node_subnet=_subnet(environment, "TRADEPLANE_NODE_SUBNET", default=cls.node_subnet),
            pod_subnet=_subnet(environment, "TRADEPLANE_POD_SUBNET", default=cls.pod_subnet),
            service_subnet=_subnet(environment, "TRADEPLANE_SERVICE_SUBNET", default=cls.service_subnet),
        )

    @property
    def machine_address(self) -> IPv4Address:
        """Address of the machine on the cluster's network."""
        return self.node_subnet[1]

    @property
    def address(self) -> IPv4Address:
        """Address at which the control plane and the registry listen."""
        return IPv4Address("127.0.0.1") if self.control_plane_only else self.node_subnet[2]

    @property
    def dns_address(self) -> IPv4Address:
        """Service address of the cluster's name server."""
        return self.service_subnet[10]

    @property
    def api_service_address(self) -> IPv4Address:
        """Service address of the API server (``kubernetes.default``)."""
        return self.service_subnet[1]


def _flag(environment: Mapping[str, str], variable: str, *, default: bool) -> bool:
    text = environment.get(variable, "").strip().lower()
    if not text:
        return default
    if text not in _WORDS:
        raise SettingsError(f"{variable} is {text!r}: give 1 or 0.")
    return _WORDS[text]


def _path(environment: Mapping[str, str], variable: str) -> Path | None:
    text = environment.get(variable, "").strip()
    return Path(text) if text else None


def _number(environment: Mapping[str, str], variable: str, *, default: int) -> int:
    text = environment.get(variable, "").strip()
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise SettingsError(f"{variable} is {text!r}: give a whole number.")
    return int(text)


def _subnet(environment: Mapping[str, str], variable: str, *, default: IPv4Network) -> IPv4Network:
    text = environment.get(variable, "").strip()
    if not text:
        return default
    try:
        return IPv4Network(text)
    except ValueError as error:
        raise SettingsError(f"{variable} is {text!r}, which is no IPv4 subnet: {error}.") from error
