"""Policies of the cluster as the recorder looks at them: ours alone, as what they are, and gone once they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from tradeplane_operator.acting.errors import ApiUnavailable, NotFound, Refused
from tradeplane_operator.recording.policies import PolicyLooks
from tradeplane_operator.recording.policy_kinds import POLICY_KINDS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Set

    from tradeplane_operator.acting.client import ApiClient
    from tradeplane_operator.observing.relisting import Collection

POLICY, BINDING, PARAMETERS = POLICY_KINDS


@dataclass
class Cluster:
    """Lists policies, takes what is seen of them, and knows one of before."""

    items: list[dict[str, Any]] = field(default_factory=list)
    error: Exception | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    seen: list[tuple[str, str, str]] = field(default_factory=list)
    settled: list[tuple[set[str], set[str]]] = field(default_factory=list)

    async def pages(self, path: str, _chunk: int, selector: str) -> AsyncGenerator[Mapping[str, Any], None]:
        self.asked.append((path, selector))
        if self.error is not None:
            raise self.error
        yield {"items": self.items[:1]}
        yield {"items": self.items[1:]}

    def known(self, _collection: Collection) -> Mapping[str, Any]:
        return {"before": object()}

    def settle(self, _collection: Collection, before: Mapping[str, Any], there: Set[str]) -> None:
        self.settled.append((set(before), set(there)))

    def see(self, event: str, body: Mapping[str, Any]) -> None:
        self.seen.append((event, body["apiVersion"], body["kind"]))

    @property
    def looks(self) -> PolicyLooks:
        return PolicyLooks(cast("ApiClient", self), self, self.see)


async def test_what_is_listed_is_seen_as_what_it_is_and_what_is_not_is_gone() -> None:
    """A list of kinds that an API server has itself does not say in each object what it is."""
    cluster = Cluster([{"metadata": {"uid": "a"}}, {"metadata": {"uid": "b"}}])
    await cluster.looks.look(POLICY)
    assert cluster.seen == [("ADDED", "admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy")] * 2
    assert cluster.settled == [({"before"}, {"a", "b"})]


async def test_policies_are_asked_for_by_our_label_and_parameters_are_ours_all() -> None:
    cluster = Cluster()
    for kind in POLICY_KINDS:
        await cluster.looks.look(kind)
    assert [selector for _, selector in cluster.asked] == ["app.kubernetes.io/part-of=tradeplane"] * 2 + [""]


@pytest.mark.parametrize("error", [NotFound(404, "NotFound", "gone"), Refused(404, "404", "404 page not found")])
async def test_a_kind_that_is_not_there_has_no_objects(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """An API server says of a group that it does not know in plain words that there is no such page."""
    cluster = Cluster(error=error)
    await cluster.looks.look(PARAMETERS)
    assert cluster.settled == [({"before"}, set())]
    assert caplog.text == ""


@pytest.mark.parametrize("error", [Refused(403, "Forbidden", "may not list"), ApiUnavailable("away")])
async def test_what_cannot_be_listed_is_said_and_nothing_is_taken_for_gone(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = Cluster(error=error)
    await cluster.looks.look(BINDING)
    assert cluster.settled == []
    assert "validatingadmissionpolicybindings cannot be listed" in caplog.text
