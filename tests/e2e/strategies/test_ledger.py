"""The audit ledger as it is deployed: what a tenant does stands in it, by whom, and what stands in it is verified."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from tradeplane_evidence.configurations.documents import configuration_of
from tradeplane_evidence.configurations.payloads import Payloads
from tradeplane_evidence.ledger.database import connect, url_of
from tradeplane_evidence.ledger.events import Authenticated, Claimed
from tradeplane_evidence.ledger.reading import entries_of
from tradeplane_stacks.demo.ledger import Ledger
from tradeplane_stacks.demo.scenario import SYSTEM, tradeplane
from tradeplane_stacks.local.cluster import EmbeddedCluster
from tradeplane_stacks.local.settings import Settings

from tests.e2e.platform import runs, strategy, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine
    from tradeplane_evidence.ledger.entries import Entry
    from tradeplane_stacks.demo.ledger import LedgerAccess

    from tests.e2e.platform import Tenant

ADMINISTRATOR = "tradeplane-admin"
"""Whose certificate kubectl shows."""
_ENTERED_S = 150.0
"""What nobody tells is entered after two minutes, as claimed: a test that waits that long fails by what it finds."""


@pytest.fixture
def access(tenant: Tenant) -> LedgerAccess:
    """Give the ledger as the cluster has it."""
    found = tenant.platform.cluster.ledger
    assert found is not None, "the cluster has no ledger; was TRADEPLANE_POSTGRES=0 set?"
    return found


@contextmanager
def read(access: LedgerAccess) -> Iterator[Engine]:
    engine = connect(url_of(access.reader))
    try:
        yield engine
    finally:
        engine.dispose()


def entered(access: LedgerAccess, tenant: Tenant, name: str, *actions: str) -> list[Entry]:
    """Wait until the entries of a Strategy are these, in their order."""
    found: list[Entry] = []

    def look() -> list[str]:
        with read(access) as engine:
            found[:] = entries_of(engine, "Strategy", tenant.name, name)
        return [one.event.action.value for one in found]

    until(f"the entries {actions} of {name}", look, lambda seen: tuple(seen) == actions, _ENTERED_S)
    return found


def verified(access: LedgerAccess, tenant: Tenant, name: str) -> list[str]:
    """Verify the ledger by its newest head, as the demo does; return the lines that say so."""
    shown = Ledger(tenant.platform.kubectl, access, tradeplane, print, print).of(tenant.name, SYSTEM, name)
    return [line for line in shown.splitlines() if line.startswith("ok")]


def test_what_is_applied_and_run_stands_in_the_ledger_by_whom(tenant: Tenant, access: LedgerAccess) -> None:
    tenant.apply(strategy("recorded"))
    (run,) = runs(tenant.await_run("recorded"))
    applied, started, finished, attested = entered(
        access, tenant, "recorded", "applied", "started", "finished", "attested"
    )
    by = applied.event.actor
    assert isinstance(by, Authenticated), "the API server says who it was"
    assert (by.user, "system:masters" in by.groups) == (ADMINISTRATOR, True)
    assert all(isinstance(one.event.actor, Claimed) for one in (started, finished, attested))
    assert {one.event.run for one in (started, finished, attested)} == {run["name"]}
    assert finished.event.result == run["resultDigest"]
    assert applied.event.configuration is not None
    with read(access) as engine:
        kept = configuration_of(Payloads(engine).get(applied.event.configuration), "it")
    assert kept.spec["algorithm"]["name"] == "macd-momentum"
    assert [line.split()[1] for line in verified(access, tenant, "recorded")] == ["chain", "head", "kept"]


def test_a_change_and_a_removal_are_entered_by_whom(tenant: Tenant, access: LedgerAccess) -> None:
    tenant.apply(strategy("changed", suspend=True))
    tenant.patch("strategy", "changed", {"capital": "2000000"})
    tenant.kubectl("delete", "strategy", "changed")
    found = entered(access, tenant, "changed", "applied", "applied", "deleted")
    assert [one.event.actor.user for one in found if isinstance(one.event.actor, Authenticated)] == [ADMINISTRATOR] * 3
    assert [one.event.generation for one in found[:2]] == [1, 2]


def test_a_database_that_was_killed_comes_back_and_nothing_is_lost(tenant: Tenant, access: LedgerAccess) -> None:
    cluster = EmbeddedCluster(Settings.from_environment(os.environ))
    record = cluster.supervisor.record("postgres")
    assert record is not None
    os.kill(record.pid, signal.SIGKILL)
    tenant.apply(strategy("meanwhile", suspend=True))
    cluster.up()
    entered(access, tenant, "meanwhile", "applied")
    assert all(status.healthy for status in cluster.status())
    assert verified(access, tenant, "meanwhile")


def test_nobody_connects_without_tls_or_with_another_password(access: LedgerAccess) -> None:
    url = url_of(access.reader)
    password = url.split("@")[0].rpartition(":")[2]
    for other, told in (
        (url.replace("sslmode=verify-full", "sslmode=disable"), "no pg_hba.conf entry"),
        (url.replace(password, "guessed"), "password authentication failed"),
        (url.replace("/audit?", "/postgres?"), "no pg_hba.conf entry"),
    ):
        with pytest.raises(psycopg.OperationalError, match=told):
            psycopg.connect(other).close()


def test_who_reads_and_who_appends_change_nothing(access: LedgerAccess) -> None:
    appender = access.reader.with_name("tradeplane.url")
    for role, statement in (
        (access.reader, "INSERT INTO tradeplane_evidence.ledger DEFAULT VALUES"),
        (appender, "UPDATE tradeplane_evidence.ledger SET name = 'another'"),
        (appender, "DELETE FROM tradeplane_evidence.ledger"),
    ):
        with psycopg.connect(url_of(role)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)
