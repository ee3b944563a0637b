"""Lists of a registry: followed to their end, and refused where they are none, too long, without end, or elsewhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from tradeplane_evidence.errors import Malformed, RegistryRefused
from tradeplane_evidence.export.discovery import Found, discover
from tradeplane_evidence.registry import listing
from tradeplane_evidence.registry.credentials import Credentials
from tradeplane_evidence.registry.listing import list_repositories, list_tags
from tradeplane_evidence.registry.references import Reference

from tests.integration.evidence.test_hostile_registries import standing_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def paged(*pages: list[str] | None, field: str = "repositories") -> Handler:
    """Answer with pages, each with a link to the next."""

    async def handler(request: web.Request) -> web.Response:
        number = int(request.query.get("page", "0"))
        more = number + 1 < len(pages)
        headers = {"Link": f'<{request.path}?page={number + 1}&n=1>; rel="next"'} if more else {}
        return web.json_response({field: pages[number]}, headers=headers)

    return handler


async def repositories(handler: Handler, prefix: str = "runs") -> list[str]:
    async with standing_in(handler) as registry:
        return [one.repository for one in await list_repositories(registry, prefix)]


async def tags(handler: Handler) -> tuple[str, ...]:
    async with standing_in(handler) as registry:
        return await list_tags(registry, Reference(registry.host, "runs/x"))


async def test_pages_are_followed_and_names_are_each_there_once() -> None:
    pages = (["runs/b", "other"], ["runs/a", "runs/b"], ["runs", "runs-old/x", "runs/a/deep"])
    assert await repositories(paged(*pages)) == ["runs", "runs/a", "runs/a/deep", "runs/b"]
    assert await tags(paged(["v2"], ["v1", "v2"], field="tags")) == ("v1", "v2")


async def test_null_is_none() -> None:
    assert await repositories(paged(None)) == []
    assert await tags(paged(None, field="tags")) == ()


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b'{"repositories": [1]}', b'{"repositories": "runs/x"}', b'{"repositories": [["runs"]]}'],
)
async def test_what_is_no_list_is_refused(body: bytes) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=body)

    with pytest.raises(Malformed, match="the catalogue of 127"):
        await repositories(handler)


@pytest.mark.parametrize(
    "name", ["runs/../../etc", "runs/A", "runs/x:v1", "runs/x@sha256:0", "runs/x\u202e", "runs/" + "x" * 600]
)
async def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(Malformed, match="has a name that is none"):
        await repositories(paged([name]))


async def test_a_list_without_end_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_PAGES", 5)
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        return web.json_response({"tags": []}, headers={"Link": f'<{request.path}?again>; rel="next"'})

    with pytest.raises(Malformed, match="more than 5 pages"):
        await tags(handler)
    assert len(asked) == 5


async def test_a_list_has_a_limit_of_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_NAMES", 3)
    assert len(await tags(paged(["a", "b"], ["c"], field="tags"))) == 3
    with pytest.raises(Malformed, match="more than 3 names"):
        await tags(paged(["a", "b"], ["c", "d"], field="tags"))


async def test_a_list_goes_on_at_the_registry_alone() -> None:
    async def handler(_: web.Request) -> web.Response:
        headers = {"Link": '<http://169.254.169.254/v2/_catalog>; rel="next"'}
        return web.json_response({"repositories": []}, headers=headers)

    with pytest.raises(RegistryRefused, match=r"sends us to http://169\.254\.169\.254"):
        await repositories(handler)


@pytest.mark.parametrize("status", [401, 403, 404, 405])
async def test_a_catalogue_that_is_not_shown_says_what_to_do(status: int) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=status, headers={"WWW-Authenticate": 'Basic realm="x"'} if status == 401 else {})

    with pytest.raises(RegistryRefused, match="name the runs by reference, or give --runs") as refused:
        await repositories(handler)
    assert refused.value.status == status or status == 401


async def test_the_catalogue_is_asked_for_by_its_own_scope() -> None:
    scopes: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        if request.path == "/token":
            scopes.append(request.query["scope"])
            return web.json_response({"token": "t"})
        if request.headers.get("Authorization") != "Bearer t":
            realm = f"http://{request.host}/token"
            return web.Response(status=401, headers={"WWW-Authenticate": f'Bearer realm="{realm}",service="s"'})
        return web.json_response({"repositories": ["runs/x"], "tags": ["v1"]})

    async with standing_in(handler, credentials=lambda _: Credentials("user", "hunter2")) as registry:
        (found,) = await list_repositories(registry, "runs")
        await list_tags(registry, found)
    assert scopes == ["registry:catalog:*", "repository:runs/x:pull"]


async def test_what_hostile_tags_name_is_passed_over_and_told() -> None:
    names = [
        "../../../etc/passwd",
        "v1",
        "sha256-" + "0" * 64,
        "x" * 200,
        "a b",
        "sha256-" + "g" * 64,
        f"v1@sha256:{'0' * 64}",
    ]

    async def handler(request: web.Request) -> web.Response:
        lists: dict[str, Any] = {"/v2/_catalog": {"repositories": ["runs/x"]}, "/v2/runs/x/tags/list": {"tags": names}}
        if request.path in lists:
            return web.json_response(lists[request.path])
        return web.Response(status=404, text=json.dumps({"errors": [{"code": "MANIFEST_UNKNOWN"}]}))

    found = Found()
    async with standing_in(handler) as registry:
        await discover(registry, "runs", found, 100)
        host = registry.host
    assert [str(one) for one in found.runs] == [f"{host}/runs/x@sha256:{'0' * 64}"]  # told as a run that is gone
    assert len(found.passed_over) == len(names) - 1
