"""Certificates: who may be what, and when they are made anew."""

from __future__ import annotations

import datetime
import stat
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from tradeplane_stacks.local.certificates import CLUSTER, ETCD, FRONT_PROXY, Certificates, Leaf, cluster_leaves
from tradeplane_stacks.local.settings import Settings

NOW = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
NODES = {"tradeplane-arm64": ("arm64", IPv4Address("10.88.0.3"))}
SETTINGS = Settings(Path("/s"), Path("/c"))


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    made = Certificates(tmp_path / "certificates")
    made.ensure(cluster_leaves(SETTINGS, NODES), NOW)
    return made


def _read(certificates: Certificates, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificates.certificate(name).read_bytes())


def _usages(certificate: x509.Certificate) -> set[x509.ObjectIdentifier]:
    return set(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def _subject(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> list[str]:
    return [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(oid)]


def test_api_server_answers_to_every_name_that_it_is_called_by(certificates: Certificates) -> None:
    certificate = _read(certificates, "apiserver")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    dns = names.get_values_for_type(x509.DNSName)
    assert {"kubernetes", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost"} <= set(dns)
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    assert addresses == {"10.88.0.2", "10.96.0.1", "127.0.0.1"}
    assert _usages(certificate) == {ExtendedKeyUsageOID.SERVER_AUTH}


@pytest.mark.parametrize(
    ("name", "user", "groups"),
    [
        ("admin", "tradeplane-admin", ["system:masters"]),
        ("kube-scheduler", "system:kube-scheduler", []),
        ("kube-controller-manager", "system:kube-controller-manager", []),
        ("kube-proxy", "system:kube-proxy", []),
        ("kubelet-arm64", "system:node:tradeplane-arm64", ["system:nodes"]),
        ("apiserver-kubelet-client", "kube-apiserver-kubelet-client", []),
    ],
)
def test_clients_are_who_rbac_knows_and_can_be_nothing_else(
    certificates: Certificates, name: str, user: str, groups: list[str]
) -> None:
    certificate = _read(certificates, name)
    assert _subject(certificate, NameOID.COMMON_NAME) == [user]
    assert _subject(certificate, NameOID.ORGANIZATION_NAME) == groups
    assert _usages(certificate) == {ExtendedKeyUsageOID.CLIENT_AUTH}


def test_only_the_administrator_is_a_master(certificates: Certificates) -> None:
    masters = {
        path.stem
        for path in certificates.directory.glob("*.crt")
        if "system:masters" in _subject(_read(certificates, path.stem), NameOID.ORGANIZATION_NAME)
    }
    assert masters == {"admin"}


def test_each_authority_vouches_for_its_own(certificates: Certificates) -> None:
    issued = {
        "apiserver": CLUSTER,
        "etcd-server": ETCD,
        "apiserver-etcd-client": ETCD,
        "front-proxy-client": FRONT_PROXY,
    }
    for name, authority in issued.items():
        _read(certificates, name).verify_directly_issued_by(_read(certificates, authority))
    with pytest.raises(ValueError, match="Issuer"):
        _read(certificates, "apiserver").verify_directly_issued_by(_read(certificates, ETCD))


def test_leaf_is_no_authority(certificates: Certificates) -> None:
    for path in certificates.directory.glob("*.crt"):
        certificate = _read(certificates, path.stem)
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        assert basic.ca == path.stem.endswith("ca"), path.stem
        assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)


def test_nobody_else_can_read_the_files(certificates: Certificates) -> None:
    assert stat.S_IMODE(certificates.directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in certificates.directory.iterdir()} == {0o600}


def test_good_certificates_are_left_alone(certificates: Certificates) -> None:
    assert certificates.ensure(cluster_leaves(SETTINGS, NODES), NOW + datetime.timedelta(days=300)) == []


def test_leaves_are_made_anew_before_they_end_and_authorities_are_not(certificates: Certificates) -> None:
    leaves = cluster_leaves(SETTINGS, NODES)
    made = certificates.ensure(leaves, NOW + datetime.timedelta(days=340))
    assert set(made) == {leaf.name for leaf in leaves}


def test_authority_near_its_end_takes_its_leaves_along(certificates: Certificates) -> None:
    leaves = cluster_leaves(SETTINGS, NODES)
    made = certificates.ensure(leaves, NOW + datetime.timedelta(days=3400))
    assert {CLUSTER, ETCD, FRONT_PROXY} <= set(made)
    _read(certificates, "apiserver").verify_directly_issued_by(_read(certificates, CLUSTER))


def test_another_address_makes_its_certificate_anew(certificates: Certificates) -> None:
    moved = {"tradeplane-arm64": ("arm64", IPv4Address("10.88.0.9"))}
    assert certificates.ensure(cluster_leaves(SETTINGS, moved), NOW) == ["kubelet-arm64-server"]


@pytest.mark.parametrize("damage", [b"", b"-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n"])
def test_damaged_certificate_is_made_anew(certificates: Certificates, damage: bytes) -> None:
    certificates.certificate("admin").write_bytes(damage)
    assert certificates.ensure(cluster_leaves(SETTINGS, NODES), NOW) == ["admin"]


def test_missing_key_makes_the_pair_anew(certificates: Certificates) -> None:
    certificates.key("kube-proxy").unlink()
    assert certificates.ensure(cluster_leaves(SETTINGS, NODES), NOW) == ["kube-proxy"]


def test_certificates_of_two_clusters_share_nothing(tmp_path: Path) -> None:
    leaf = Leaf("admin", CLUSTER, "tradeplane-admin", ("system:masters",), client=True)
    one, two = Certificates(tmp_path / "one"), Certificates(tmp_path / "two")
    for each in (one, two):
        each.ensure([leaf], NOW)
    with pytest.raises(InvalidSignature):
        _read(one, "admin").verify_directly_issued_by(_read(two, CLUSTER))
