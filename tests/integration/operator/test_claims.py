"""Claims in a real API server: of two who write against one version one gets through, and a claim is taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tradeplane_operator.acting.claimed_bundles import ClaimedBundles
from tradeplane_operator.acting.errors import Conflict

if TYPE_CHECKING:
    from tests.integration.operator.cluster import Bench


async def test_of_two_who_write_against_one_version_one_gets_through(bench: Bench) -> None:
    bundles = ClaimedBundles(bench.client, bench.namespace)
    version, found = await bundles.read()
    assert found == {}
    after = await bundles.change(version, {"first": "1"})
    with pytest.raises(Conflict):
        await bundles.change(version, {"second": "2"})
    assert await bundles.read() == (after, {"first": "1"})
    last = await bundles.change(after, {"first": None, "third": "3"})
    assert await bundles.read() == (last, {"third": "3"})
