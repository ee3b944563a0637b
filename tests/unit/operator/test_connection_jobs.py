"""A probe's Job is its connection's: its news wake the connection, and where it is gone unseen that is found out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tradeplane_operator.observing.children import JOBS
from tradeplane_operator.observing.compact import compact_job
from tradeplane_operator.observing.feeding import Feed
from tradeplane_operator.observing.index import Index
from tradeplane_operator.observing.keys import Key, Kind
from tradeplane_operator.observing.relisting import Relisting, collections
from tradeplane_operator.planning.names import CONNECTION_UID_LABEL

from tests.unit.operator.api_server import job, owner_of
from tests.unit.operator.connection_simulation import KEY, UID, Server
from tests.unit.operator.simulation import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping


def _probe(version: int = 1, **status: Any) -> dict[str, Any]:
    """Return the Job of a probe as a watch shows it."""
    body = job("binance-1-2", version)
    owner = {"kind": "BrokerConnection", "name": KEY.name, "uid": UID}
    metadata = {**body["metadata"], "labels": {CONNECTION_UID_LABEL: UID}, "ownerReferences": [owner]}
    return {**body, "metadata": metadata, "status": status}


def _feed() -> tuple[Feed, list[Key]]:
    woken: list[Key] = []
    feed = Feed(Index(), woken.append)
    feed.connection("ADDED", Server().connection)
    return feed, woken


def test_what_a_probe_s_job_does_wakes_its_connection() -> None:
    feed, woken = _feed()
    feed.job("ADDED", _probe())
    feed.job("MODIFIED", _probe(2, conditions=[{"type": "Complete", "status": "True", "lastTransitionTime": "x"}]))
    feed.job("DELETED", _probe(3))
    assert woken == [KEY] * 4
    assert feed.index.jobs.of(UID) == {}


def test_the_same_twice_is_no_news() -> None:
    feed, woken = _feed()
    for _ in range(2):
        feed.job("ADDED", _probe())
    assert woken == [KEY] * 2


def test_a_deleted_connection_is_woken_once_and_its_jobs_no_longer_wake_it() -> None:
    feed, woken = _feed()
    feed.job("ADDED", _probe())
    feed.connection("DELETED", Server().connection)
    woken.clear()
    feed.job("DELETED", _probe(2))
    assert woken == []


def test_a_probe_s_job_removed_while_nobody_looked_wakes_its_connection() -> None:
    feed, woken = _feed()
    feed.job("ADDED", _probe())
    feed.job("ADDED", job("a"))
    relisting = Relisting(SETTINGS, None, feed.index, woken.append)  # type: ignore[arg-type]
    (everywhere,) = collections(SETTINGS, JOBS)
    woken.clear()
    relisting.settle(everywhere, relisting.known(everywhere), set())
    assert sorted(woken) == sorted([KEY, owner_of("a")])


def _labelled(labels: Mapping[str, str]) -> dict[str, Any]:
    body = job("a")
    return {**body, "metadata": {**body["metadata"], "labels": labels}}


@pytest.mark.parametrize("labels", [{}, {"app": "another"}])
def test_a_job_without_our_labels_is_nobody_s(labels: dict[str, str]) -> None:
    assert Index().jobs.put(_labelled(labels)) is None
    with pytest.raises(ValueError, match="none of the labels"):
        compact_job(_labelled(labels))


def test_a_job_says_of_which_kind_its_owner_is() -> None:
    assert compact_job(_probe()).owner_kind == Kind.BROKER_CONNECTION
    assert compact_job(job("a")).owner_kind == Kind.STRATEGY
