"""The watch: nothing that changes is missed or told twice, however the connection fares."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.unit.operator.api_server import (
    PATIENCE,
    Answer,
    Api,
    bookmark,
    breaks_after,
    ends_after,
    gone,
    job,
    line,
    owner_of,
    tells,
    watching,
)

if TYPE_CHECKING:
    from aiohttp import web


async def test_what_there_is_is_told_and_then_what_changes() -> None:
    api = Api([job(name) for name in "abcde"], version=9, watches=[tells(line("MODIFIED", job("a", 10)))])
    async with watching(api, chunk=2) as found:
        await found.until(lambda: len(found.told) == 6)
    assert found.told[:5] == [("ADDED", name, "1") for name in "abcde"]
    assert found.told[5] == ("MODIFIED", "a", "10")
    assert (api.lists, api.asked_from) == (1, ["9"])


async def test_a_bookmark_is_told_to_nobody_and_the_watch_goes_on_from_it() -> None:
    api = Api(version=5, watches=[ends_after(bookmark(77)), ends_after(line("ADDED", job("a", 78)))])
    async with watching(api) as found:
        await found.until(lambda: len(api.asked_from) == 3)
    assert found.told == [("ADDED", "a", "78")]
    assert (api.lists, api.asked_from) == (1, ["5", "77", "78"])


@pytest.mark.parametrize("told", [410, ends_after(gone()), ends_after(bookmark(6), gone())])
async def test_where_history_is_lost_it_lists_anew_and_forgets_what_was_deleted_in_the_gap(told: Answer | int) -> None:
    api = Api([job("stays")], version=5, watches=[told])
    known = [job("stays"), job("goes"), job("replaced", 1, uid="old")]
    async with watching(api, known=known) as found:
        api.jobs.append(job("replaced", 6, uid="new"))
        await found.until(lambda: api.lists == 2 and len(api.asked_from) == 2)
        names = {known.name: known.uid for known in found.feed.index.jobs.identities().values()}
    assert names == {"stays": "uid-stays", "replaced": "new"}
    assert owner_of("goes") in found.woken
    assert owner_of("stays") not in found.woken


async def test_a_broken_stream_goes_on_where_it_was_without_a_new_list() -> None:
    half = line("MODIFIED", job("a", 7, complete=True))
    api = Api(
        [job("a")],
        version=5,
        watches=[breaks_after(line("MODIFIED", job("a", 6)), half[:40]), tells(half)],
    )
    async with watching(api) as found:
        await found.until(lambda: len(found.told) == 3)
    assert found.told == [("ADDED", "a", "1"), ("MODIFIED", "a", "6"), ("MODIFIED", "a", "7")]
    assert (api.lists, api.asked_from) == (1, ["5", "6"])
    assert found.woken.count(owner_of("a")) == 2  # it came, and it ended; version 6 says nothing new


@pytest.mark.parametrize(
    "rubbish", [b"not json\n", b'{"type":"ADDED"}\n', line("WHATEVER", job("b", 7)), b"[]\n", b"\xff\xfe\n"]
)
async def test_what_cannot_be_read_may_have_been_a_change_so_it_lists_anew(rubbish: bytes) -> None:
    api = Api([job("a")], version=5, watches=[tells(line("ADDED", job("b", 6)) + rubbish)])
    async with watching(api) as found:
        await found.until(lambda: ("ADDED", "b", "6") in found.told)
        api.version = 8
        await found.until(lambda: len(api.asked_from) == 2)
    assert (api.lists, api.asked_from) == (2, ["5", "8"])


async def test_a_burst_is_told_whole_and_in_order_however_it_is_cut() -> None:
    burst = b"".join(line("ADDED", job(f"job-{number}", number)) for number in range(10, 1_510))
    pieces = [burst[start : start + 7_919] for start in range(0, len(burst), 7_919)]
    async with watching(Api(version=5, watches=[tells(*pieces)])) as found:
        await found.until(lambda: len(found.told) >= 1_500)
    assert [version for _, _, version in found.told] == [str(number) for number in range(10, 1_510)]
    assert len(found.woken) == 1_500


async def test_a_job_that_no_longer_carries_the_label_is_forgotten_and_its_strategy_woken() -> None:
    seen = asyncio.Event()

    async def unlabelled(response: web.StreamResponse) -> None:
        await seen.wait()
        await tells(line("DELETED", job("a", 6)))(response)

    async with watching(Api([job("a")], version=5, watches=[unlabelled])) as found:
        await found.until(lambda: found.woken == [owner_of("a")])
        found.feed.index.strategies.put(_strategy("a"), confirmed=True)
        seen.set()
        await found.until(lambda: found.woken == [owner_of("a")] * 2)
        assert len(found.feed.index.jobs) == 0


def _strategy(name: str) -> dict[str, object]:
    key = owner_of(name)
    metadata = {"name": key.name, "namespace": key.namespace, "uid": f"owner-of-{name}", "resourceVersion": "1"}
    return {"metadata": metadata, "spec": {}}


async def test_an_object_that_cannot_be_taken_does_not_hide_those_behind_it(caplog: pytest.LogCaptureFixture) -> None:
    events = line("ADDED", job("odd", 6)) + line("ADDED", job("b", 7))
    async with watching(Api(version=5, watches=[tells(events)]), fails_on="odd") as found:
        await found.until(lambda: ("ADDED", "b", "7") in found.told)
        assert [known.name for known in found.feed.index.jobs.identities().values()] == ["b"]
    assert "could not be taken" in caplog.text


async def test_a_silent_watch_is_opened_anew() -> None:
    api = Api(version=5)
    async with watching(api, silence=0.05) as found:
        await found.until(lambda: len(api.asked_from) >= 3)
    assert set(api.asked_from) == {"5"}


async def test_after_several_attempts_in_vain_it_lists() -> None:
    api = Api(version=5, watches=[504, 504, 504, 504])
    async with watching(api) as found:
        await found.until(lambda: len(api.asked_from) == 5)
    assert api.lists == 2


async def test_a_server_that_ends_watches_at_once_is_asked_ever_less_often() -> None:
    api = Api(version=5, watches=[ends_after()] * 1_000)
    async with watching(api) as found:
        await found.until(lambda: len(api.asked_from) >= 2)
        await asyncio.sleep(0.3)
    assert 2 <= len(api.asked_from) < 12  # pauses of 5, 10, 20, ... ms


async def test_what_is_refused_is_asked_again_and_counts_as_nothing_heard(caplog: pytest.LogCaptureFixture) -> None:
    api = Api([job("a")], version=5, watches=[403, 403])
    async with watching(api) as found:
        await found.until(lambda: len(api.asked_from) == 1)
        heard = found.watch.heard
        await found.until(lambda: len(api.asked_from) == 2)
        assert found.watch.heard == heard
        await found.until(lambda: found.watch.heard > heard)
    assert "403" in caplog.text


@pytest.mark.parametrize(
    "answer", [b"<html>", b"[]", b'{"items":[]}', b'{"metadata":{"resourceVersion":"1"},"items":7}']
)
async def test_an_answer_that_is_no_list_is_asked_for_again(answer: bytes, caplog: pytest.LogCaptureFixture) -> None:
    api = Api([job("a")], version=5, instead_of_lists=[answer, answer])
    async with watching(api) as found:
        await found.until(lambda: api.asked_from)
    assert found.told == [("ADDED", "a", "1")]
    assert api.lists == 3
    assert "begins with a list" in caplog.text


@pytest.mark.parametrize("hangs", [True, False])
async def test_it_stops_at_once_while_connecting_and_while_listening(*, hangs: bool) -> None:
    api = Api(version=5, hangs=hangs)
    async with watching(api, silence=100 * PATIENCE) as found:
        await asyncio.sleep(0.05) if hangs else await found.until(lambda: api.asked_from)
        found.task.cancel()
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(asyncio.CancelledError):
                await found.task
