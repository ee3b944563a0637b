"""A list settles what its own collection has, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tradeplane_operator.observing.children import JOBS
from tradeplane_operator.observing.index import Index
from tradeplane_operator.observing.relisting import WATCHED, Relisting, collections

from tests.unit.operator.api_server import Json, job, owner_of
from tests.unit.operator.simulation import SETTINGS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tradeplane_operator.observing.keys import Key

TWO = SETTINGS.model_copy(update={"namespaces": ("one", "two")})


@dataclass
class _Client:
    """Lists metadata."""

    items: list[Json] = field(default_factory=list)

    async def metadata_pages(self, path: str, chunk: int, selector: str = "") -> AsyncIterator[Json]:
        """Yield all there is of a path as one page."""
        yield {"items": [item for item in self.items if path.endswith(f"/{JOBS}")]}


def _relisting(*known: Json, **changes: Any) -> tuple[Relisting, list[Key]]:
    woken: list[Key] = []
    index = Index()
    for body in known:
        index.jobs.put(body)
    return Relisting(TWO, _Client(**changes), index, woken.append), woken  # type: ignore[arg-type]


def _names(relisting: Relisting) -> set[str]:
    return {known.name for known in relisting.index.jobs.identities().values()}


def test_each_namespace_is_a_collection_and_all_of_them_are_one() -> None:
    assert [found.path for found in collections(TWO, JOBS)] == [
        "/apis/batch/v1/namespaces/one/jobs",
        "/apis/batch/v1/namespaces/two/jobs",
    ]
    everywhere = collections(SETTINGS, "strategies")
    assert [(found.path, found.selector) for found in everywhere] == [("/apis/tradeplane.dev/v1alpha1/strategies", "")]
    assert collections(SETTINGS, JOBS)[0].selector == "app.kubernetes.io/managed-by=tradeplane"


def test_a_list_of_one_namespace_says_nothing_about_another() -> None:
    relisting, woken = _relisting(job("a", namespace="one"), job("b", namespace="two"))
    one = collections(TWO, JOBS)[0]
    relisting.settle(one, relisting.known(one), set())
    assert _names(relisting) == {"b"}
    assert woken == [owner_of("a", "one")]


def test_what_came_while_it_was_listed_is_not_forgotten() -> None:
    relisting, woken = _relisting(job("a", namespace="one"))
    one = collections(TWO, JOBS)[0]
    before = relisting.known(one)
    relisting.index.jobs.put(job("b", namespace="one"))
    relisting.settle(one, before, {"uid-a"})
    assert _names(relisting) == {"a", "b"}
    assert woken == []


def test_what_was_made_again_while_it_was_listed_is_not_forgotten() -> None:
    relisting, woken = _relisting(job("a", 1, uid="old", namespace="one"))
    one = collections(TWO, JOBS)[0]
    before = relisting.known(one)
    relisting.index.jobs.put(job("a", 2, uid="new", namespace="one"))
    relisting.settle(one, before, set())
    assert {known.uid for known in relisting.index.jobs.identities().values()} == {"new"}
    assert woken == []


def _nobodys(name: str) -> Json:
    """Return a Job that has our label and says of no owner."""
    body = job(name, namespace="one")
    del body["metadata"]["labels"], body["metadata"]["ownerReferences"]
    return body


async def test_what_can_never_be_known_is_not_waited_for() -> None:
    seen, namesake = job("a", namespace="one"), job("a", uid="copy", namespace="two")
    relisting, _ = _relisting(seen, items=[seen, namesake, _nobodys("b")])
    for plural in WATCHED:
        relisting.listed(plural)
    assert await relisting.synced(5.0)


async def test_what_is_there_and_not_known_yet_is_waited_for() -> None:
    relisting, _ = _relisting(items=[job("a", namespace="one")])
    for plural in WATCHED:
        relisting.listed(plural)
    assert not await relisting.synced(0.05)
