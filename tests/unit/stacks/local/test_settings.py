"""Settings: what the environment says, and what cannot be used."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from tradeplane_stacks.local.errors import SettingsError
from tradeplane_stacks.local.settings import Settings


def test_defaults_are_the_documented_ones() -> None:
    settings = Settings.from_environment({"HOME": "/home/someone"})
    assert settings.state == Path("/var/lib/tradeplane")
    assert settings.cache == Path("/home/someone/.cache/tradeplane")
    assert settings.arm64
    assert not settings.audit
    assert settings.postgres
    assert settings.postgres_port == 5432
    assert settings.audit_policy is settings.audit_webhook is None
    assert settings.address == IPv4Address("10.88.0.2")
    assert settings.machine_address == IPv4Address("10.88.0.1")
    assert settings.dns_address == IPv4Address("10.96.0.10")


def test_cache_follows_the_user_s_cache_directory() -> None:
    assert Settings.from_environment({"XDG_CACHE_HOME": "/cache"}).cache == Path("/cache/tradeplane")
    chosen = Settings.from_environment({"XDG_CACHE_HOME": "/cache", "TRADEPLANE_CACHE": "/elsewhere"})
    assert chosen.cache == Path("/elsewhere")


@pytest.mark.parametrize(("text", "value"), [("0", False), ("false", False), ("1", True), ("YES", True), ("", True)])
def test_arm64_can_be_left_out(text: str, value: bool) -> None:
    assert Settings.from_environment({"HOME": "/h", "ARM64": text}).arm64 is value


def test_audit_events_are_told_by_files_that_are_named() -> None:
    environment = {"HOME": "/h", "TRADEPLANE_AUDIT_WEBHOOK": "/etc/webhook", "TRADEPLANE_AUDIT_POLICY": "/etc/policy"}
    settings = Settings.from_environment(environment)
    assert (settings.audit_webhook, settings.audit_policy) == (Path("/etc/webhook"), Path("/etc/policy"))


@pytest.mark.parametrize(("text", "value"), [("0", False), ("off", False), ("1", True), ("", True)])
def test_postgres_can_be_left_out(text: str, value: bool) -> None:
    assert Settings.from_environment({"HOME": "/h", "TRADEPLANE_POSTGRES": text}).postgres is value


def test_subnets_move_every_address() -> None:
    settings = Settings.from_environment({"HOME": "/h", "TRADEPLANE_NODE_SUBNET": "192.168.7.0/24"})
    assert settings.node_subnet == IPv4Network("192.168.7.0/24")
    assert settings.address == IPv4Address("192.168.7.2")


def test_control_plane_alone_listens_on_loopback() -> None:
    assert Settings(Path("/s"), Path("/c"), control_plane_only=True).address.is_loopback


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("ARM64", "maybe"),
        ("TRADEPLANE_POSTGRES", "perhaps"),
        ("TRADEPLANE_STATE", "relative/path"),
        ("TRADEPLANE_STATE", "/" + "x" * 80),
        ("TRADEPLANE_STATE", "/var/with space"),
        ("TRADEPLANE_CACHE", "relative"),
        ("TRADEPLANE_INSTANCE", "Upper"),
        ("TRADEPLANE_INSTANCE", "farfartoolong"),
        ("TRADEPLANE_INSTANCE", "../up"),
        ("TRADEPLANE_AUDIT_POLICY", "policy.yaml"),
        ("TRADEPLANE_AUDIT_WEBHOOK", "webhook.yaml"),
        ("TRADEPLANE_AUDIT_WEBHOOK", "/etc/without-a-policy"),
        ("TRADEPLANE_CLIENT_QPS", "0"),
        ("TRADEPLANE_CLIENT_QPS", "many"),
        ("TRADEPLANE_NODE_SUBNET", "10.88.0.1/24"),
        ("TRADEPLANE_NODE_SUBNET", "10.88.0.0/30"),
        ("TRADEPLANE_POD_SUBNET", "10.89.0.0/24"),
        ("TRADEPLANE_POD_SUBNET", "10.96.0.0/16"),
        ("TRADEPLANE_SERVICE_SUBNET", "fd00::/64"),
    ],
)
def test_value_that_cannot_be_used_is_refused_by_name(variable: str, text: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        Settings.from_environment({"HOME": "/h", variable: text})
