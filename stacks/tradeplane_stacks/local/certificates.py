"""The certificates of a cluster: four authorities, and what each component shows to the others.

The layout is that of kubeadm (a cluster CA, one for etcd, one for the front proxy), so that what holds for an ordinary
cluster holds here; beside them is one for who tells the audit ledger. Keys are ECDSA P-256, leaves are valid for a year
and made anew a month before they end or when what they should say has changed; authorities are valid for ten years.
"""

from __future__ import annotations

import datetime
import hashlib
import os
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tradeplane_stacks.local.settings import Settings

_AUTHORITY_LIFE = datetime.timedelta(days=3650)
_LEAF_LIFE = datetime.timedelta(days=365)
_RENEWAL = datetime.timedelta(days=30)
_CLOCK_SKEW = datetime.timedelta(minutes=5)

CLUSTER = "ca"
ETCD = "etcd-ca"
FRONT_PROXY = "front-proxy-ca"
RECORDER = "recorder-ca"
"""Signs for who tells the audit ledger's recorder, and for nobody else."""
AUTHORITIES = {
    CLUSTER: "tradeplane",
    ETCD: "tradeplane etcd",
    FRONT_PROXY: "tradeplane front proxy",
    RECORDER: "tradeplane recorder",
}
"""File name and common name of each authority."""


@dataclass(frozen=True)
class Leaf:
    """What one certificate says: who it is, in which groups, at which names, and what it may be used for."""

    name: str
    """File name without ending."""
    authority: str
    common_name: str
    """For a client of the API server: its user name."""
    organizations: tuple[str, ...] = ()
    """For a client of the API server: its groups."""
    names: tuple[str, ...] = ()
    addresses: tuple[IPv4Address, ...] = ()
    server: bool = False
    client: bool = False


@dataclass(frozen=True)
class Certificates:
    """Certificates and keys in one directory, as PEM files that only their owner can read."""

    directory: Path

    def certificate(self, name: str) -> Path:
        """Path of a certificate."""
        return self.directory / f"{name}.crt"

    def key(self, name: str) -> Path:
        """Path of a private key."""
        return self.directory / f"{name}.key"

    @property
    def service_account_key(self) -> Path:
        """Private key that signs service account tokens."""
        return self.key("service-account")

    @property
    def service_account_public_key(self) -> Path:
        """Public key that checks service account tokens."""
        return self.directory / "service-account.pub"

    def ensure(self, leaves: Sequence[Leaf], now: datetime.datetime) -> list[str]:
        """Make what is missing, about to end, or says something else; return the names of what was made."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.directory.chmod(0o700)
        made = [name for name, common in AUTHORITIES.items() if self._ensure_authority(name, common, now)]
        if not self.service_account_key.exists() or not self.service_account_public_key.exists():
            self._make_service_account_keys()
            made.append("service-account")
        for leaf in leaves:
            if leaf.authority in made or not self._is_good(leaf, now):
                self._make_leaf(leaf, now)
                made.append(leaf.name)
        return made

    def _ensure_authority(self, name: str, common_name: str, now: datetime.datetime) -> bool:
        existing = read_certificate(self.certificate(name))
        if existing is not None and self.key(name).exists() and existing.not_valid_after_utc - now > _LEAF_LIFE:
            return False
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        usage = _key_usage(signs_certificates=True)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = (
            _builder(subject, subject, key.public_key(), now, _AUTHORITY_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(identifier, critical=False)
            .sign(key, hashes.SHA256())
        )
        self._write_pair(name, certificate, key)
        return True

    def _make_leaf(self, leaf: Leaf, now: datetime.datetime) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        authority = read_certificate(self.certificate(leaf.authority))
        authority_key = serialization.load_pem_private_key(self.key(leaf.authority).read_bytes(), password=None)
        if authority is None or not isinstance(authority_key, ec.EllipticCurvePrivateKey):
            raise ValueError(
                f"{self.certificate(leaf.authority)} is not an authority of ours: remove it and start again."
            )
        builder = _builder(_subject(leaf), authority.subject, key.public_key(), now, _LEAF_LIFE)
        for extension, critical in _extensions(leaf):
            builder = builder.add_extension(extension, critical=critical)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
        certificate = builder.add_extension(issuer, critical=False).sign(authority_key, hashes.SHA256())
        self._write_pair(leaf.name, certificate, key)

    def _is_good(self, leaf: Leaf, now: datetime.datetime) -> bool:
        existing = read_certificate(self.certificate(leaf.name))
        if existing is None or not self.key(leaf.name).exists():
            return False
        says = {extension.oid: extension.value for extension in existing.extensions}
        wanted = all(says.get(extension.oid) == extension for extension, _ in _extensions(leaf))
        return wanted and existing.subject == _subject(leaf) and existing.not_valid_after_utc - now > _RENEWAL

    def _make_service_account_keys(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        write_private(self.service_account_key, _private_bytes(key))
        write_private(self.service_account_public_key, public)

    def _write_pair(self, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        write_private(self.key(name), _private_bytes(key))
        write_private(self.certificate(name), certificate.public_bytes(serialization.Encoding.PEM))


def cluster_leaves(settings: Settings, nodes: Mapping[str, tuple[str, IPv4Address]]) -> list[Leaf]:
    """List every certificate that a cluster with these nodes (name; architecture, address) needs."""
    own = (settings.address, IPv4Address("127.0.0.1"))
    names = ("localhost",)
    service = tuple(f"kubernetes{suffix}" for suffix in ("", ".default", ".default.svc", ".default.svc.cluster.local"))
    leaves = [
        Leaf("etcd-server", ETCD, "etcd", (), names, _distinct(own), server=True, client=True),
        Leaf("apiserver-etcd-client", ETCD, "kube-apiserver", client=True),
        Leaf(
            "apiserver",
            CLUSTER,
            "kube-apiserver",
            (),
            (*service, *names),
            _distinct((*own, settings.api_service_address)),
            server=True,
        ),
        Leaf("apiserver-kubelet-client", CLUSTER, "kube-apiserver-kubelet-client", client=True),
        Leaf("front-proxy-client", FRONT_PROXY, "front-proxy-client", client=True),
        Leaf("admin", CLUSTER, "tradeplane-admin", ("system:masters",), client=True),
    ]
    for component in ("kube-controller-manager", "kube-scheduler"):
        leaves.append(Leaf(component, CLUSTER, f"system:{component}", client=True))
        leaves.append(Leaf(f"{component}-server", CLUSTER, component, (), names, _distinct(own), server=True))
    if nodes:
        leaves.append(Leaf("kube-proxy", CLUSTER, "system:kube-proxy", client=True))
        leaves.append(Leaf("network-policy", CLUSTER, "system:tradeplane:network-policy", client=True))
    for node, (architecture, address) in nodes.items():
        own_file, groups = f"kubelet-{architecture}", ("system:nodes",)
        leaves.append(Leaf(own_file, CLUSTER, f"system:node:{node}", groups, client=True))
        leaves.append(Leaf(f"{own_file}-server", CLUSTER, node, (), (node,), (address,), server=True))
    return leaves


def read_certificate(path: Path) -> x509.Certificate | None:
    """Read a PEM certificate; None when there is none or it cannot be read as one."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all; untouched when it already says so."""
    if path.exists() and path.read_bytes() == content:
        return
    fresh = path.with_name(f"{path.name}.fresh")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
    fresh.replace(path)


def fingerprint(paths: Sequence[Path]) -> str:
    """SHA-256 (hex) of several files, names included: whether anything a process was started with has changed.

    A file that is missing counts as empty.
    """
    digest = hashlib.sha256()
    for path in paths:
        content = path.read_bytes() if path.exists() else b""
        digest.update(f"{path} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _distinct(addresses: tuple[IPv4Address, ...]) -> tuple[IPv4Address, ...]:
    return tuple(dict.fromkeys(addresses))


def _subject(leaf: Leaf) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in leaf.organizations]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, leaf.common_name)])


def _extensions(leaf: Leaf) -> list[tuple[x509.ExtensionType, bool]]:
    usages = [
        usage
        for wanted, usage in (
            (leaf.server, ExtendedKeyUsageOID.SERVER_AUTH),
            (leaf.client, ExtendedKeyUsageOID.CLIENT_AUTH),
        )
        if wanted
    ]
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_key_usage(signs_certificates=False), True),
        (x509.ExtendedKeyUsage(usages), False),
    ]
    alternatives = [x509.DNSName(name) for name in leaf.names], [x509.IPAddress(address) for address in leaf.addresses]
    if leaf.server:
        extensions.append((x509.SubjectAlternativeName([*alternatives[0], *alternatives[1]]), False))
    return extensions


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now: datetime.datetime,
    life: datetime.timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + life)
    )


def _private_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
