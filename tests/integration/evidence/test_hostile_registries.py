"""A registry that is slow, cuts short, refuses, lies about what it has, or sends us elsewhere.

The registry here is a stand-in: no real one does these things when it is asked to.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from tradeplane_evidence.errors import (
    DigestMismatch,
    EvidenceError,
    Malformed,
    RegistryRefused,
    RegistryUnavailable,
)
from tradeplane_evidence.registry.client import SENT_UNASKED, Limits, Registry
from tradeplane_evidence.registry.credentials import Credentials
from tradeplane_evidence.registry.manifests import INDEX_TYPE, MAX_MANIFEST_BYTES, Descriptor, described, index_bytes
from tradeplane_evidence.registry.references import Reference
from tradeplane_evidence.registry.referrers import MAX_PAGES, list_referrers
from tradeplane_evidence.registry.transfers import PIECE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

QUICK = Limits(answer_s=1.0, request_s=3.0, tries=3, first_pause_s=0.01, longest_pause_s=0.05)
BLOB = b"what was pushed"
DIGEST = described(BLOB, "text/plain").digest
SECRET = Credentials("user", "hunter2")


@asynccontextmanager
async def standing_in(
    handler: Handler, credentials: Callable[[str], Credentials | None] = lambda _: None, limits: Limits = QUICK
) -> AsyncIterator[Registry]:
    """Serve every request by a handler; give a client of it."""
    application = web.Application(client_max_size=1 << 24)
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)  # some never answer
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host = f"127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with Registry(host, plain_http=True, credentials=credentials, limits=limits) as registry:
            yield registry
    finally:
        await runner.cleanup()


async def _blob(handler: Handler) -> bytes:
    async with standing_in(handler) as registry:
        return await registry.blob("runs/x", DIGEST, 1_000)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_what_passes_is_tried_again(status: int) -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path)
        if len(asked) < QUICK.tries:
            return web.Response(status=status, headers={"Retry-After": "0"})
        return web.Response(body=BLOB)

    assert await _blob(handler) == BLOB
    assert len(asked) == QUICK.tries


@pytest.mark.parametrize("status", [429, 500])
async def test_what_does_not_pass_is_said_after_the_last_try(status: int) -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=status, text="busy")

    with pytest.raises(RegistryUnavailable, match=f"answered {status} to GET .*: busy; tried 3 times"):
        await _blob(handler)
    assert len(asked) == QUICK.tries


@pytest.mark.parametrize("status", [400, 403, 404, 418])
async def test_a_refusal_is_not_tried_again(status: int) -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=status)

    with pytest.raises(RegistryRefused, match=f"answered {status}"):
        await _blob(handler)
    assert len(asked) == 1


async def test_an_answer_that_is_cut_short_is_tried_again() -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        if len(asked) == 1:
            response = web.StreamResponse(headers={"Content-Length": str(len(BLOB))})
            await response.prepare(request)
            await response.write(BLOB[:4])
            assert request.transport is not None
            request.transport.abort()
            return response
        return web.Response(body=BLOB)

    assert await _blob(handler) == BLOB
    assert len(asked) == 2


async def test_one_that_never_answers_is_given_up() -> None:
    async def handler(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    with pytest.raises(RegistryUnavailable, match=r"not answered within 3 s|tried 3 times"):
        await _blob(handler)


async def test_bytes_that_are_not_those_asked_for_are_refused() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=b"something else", headers={"Docker-Content-Digest": DIGEST})

    with pytest.raises(DigestMismatch, match="answered with bytes of digest"):
        await _blob(handler)
    async with standing_in(handler) as registry:
        with pytest.raises(DigestMismatch, match="do not rely on it"):
            await registry.manifest(Reference(registry.host, "runs/x", digest=DIGEST))


async def test_more_than_was_asked_for_is_not_read() -> None:
    sent = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(4_096):
            await response.write(b"x" * PIECE)
            sent += PIECE
        return response

    with pytest.raises(Malformed, match="more than 1,000 bytes"):
        await _blob(handler)
    assert sent < 64 * 1024 * 1024


async def test_what_we_push_and_who_we_are_goes_nowhere_else() -> None:
    """The registry names another origin to go on with an upload: nothing is sent there."""
    reached: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        reached.append(request.path)
        return web.Response(status=201)

    async with standing_in(elsewhere) as other:

        async def handler(request: web.Request) -> web.Response:
            if request.method == "HEAD":
                return web.Response(status=404)
            return web.Response(status=202, headers={"Location": f"http://{other.host}/upload"})

        async with standing_in(handler, lambda _: SECRET) as registry:
            with pytest.raises(RegistryRefused, match="goes to the registry alone"):
                await registry.push_blob("runs/x", BLOB)
    assert reached == []


async def test_a_redirect_of_a_blob_is_followed_without_credentials() -> None:
    seen: list[str | None] = []

    async def storage(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response(body=BLOB)

    async with standing_in(storage) as other:

        async def handler(request: web.Request) -> web.Response:
            if "Authorization" not in request.headers:
                return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="tests"'})
            return web.Response(status=307, headers={"Location": f"http://{other.host}/storage?signature=x"})

        async with standing_in(handler, lambda _: SECRET) as registry:
            assert await registry.blob("runs/x", DIGEST, 1_000) == BLOB
    assert seen == [None]


async def test_a_redirect_that_goes_on_is_not_followed() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/again"})

    with pytest.raises(RegistryRefused, match="answered 302"):
        await _blob(handler)


@pytest.mark.parametrize("place", ["file:///etc/passwd", "gopher://127.0.0.1/x", ""])
async def test_a_redirect_to_what_is_no_web_is_refused(place: str) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": place})

    with pytest.raises(EvidenceError, match=r"blobs are fetched over TLS|answered 302"):
        await _blob(handler)


async def test_a_token_is_got_for_what_is_asked_and_kept() -> None:
    tokens: list[tuple[str, str | None]] = []

    async def handler(request: web.Request) -> web.Response:
        if request.path == "/token":
            tokens.append((request.query["scope"], request.headers.get("Authorization")))
            return web.json_response({"token": "t0ken"})
        if request.headers.get("Authorization") != "Bearer t0ken":
            challenge = f'Bearer realm="http://{request.host}/token",service="tests",scope="ignored"'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        return web.Response(body=BLOB)

    async with standing_in(handler, lambda _: SECRET) as registry:
        for _ in range(3):
            assert await registry.blob("runs/x", DIGEST, 1_000) == BLOB
    assert tokens == [("repository:runs/x:pull", SECRET.basic())]


async def test_a_token_that_has_ended_is_got_anew_with_the_credentials_of_now() -> None:
    """As of a cloud, whose credentials and tokens end after a while, in an operator that goes on for weeks."""
    given: list[str | None] = []
    now = [Credentials("user", "first")]

    async def handler(request: web.Request) -> web.Response:
        if request.path == "/token":
            given.append(request.headers.get("Authorization"))
            return web.json_response({"token": f"t{len(given)}"})
        if not given or request.headers.get("Authorization") != f"Bearer t{len(given)}":
            challenge = f'Bearer realm="http://{request.host}/token"'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        return web.Response(body=BLOB)

    async with standing_in(handler, lambda _: now[0]) as registry:
        assert await registry.blob("runs/x", DIGEST, 1_000) == BLOB
        now[0] = Credentials("user", "second")
        given.append(None)  # the token there is has ended
        assert await registry.blob("runs/x", DIGEST, 1_000) == BLOB
    assert given == [Credentials("user", "first").basic(), None, Credentials("user", "second").basic()]


@pytest.mark.parametrize("status", [201, 202])
async def test_a_small_blob_is_one_request_where_a_registry_takes_it(status: int) -> None:
    asked: list[tuple[str, bytes]] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append((request.method, await request.read()))
        if request.method == "POST":
            return web.Response(status=status, headers={"Location": "/v2/runs/x/blobs/uploads/1?state=a"})
        assert (request.query["state"], request.query["digest"]) == ("a", DIGEST)
        return web.Response(status=201)

    async with standing_in(handler) as registry:
        assert await registry.push_blob("runs/x", BLOB) == DIGEST
    assert asked == [("POST", BLOB)] + ([("PUT", BLOB)] if status == 202 else [])


@pytest.mark.parametrize("code", ["MANIFEST_BLOB_UNKNOWN", "DIGEST_INVALID"])
async def test_a_manifest_whose_blobs_are_not_seen_yet_is_tried_again(code: str) -> None:
    """As where another client pushes the same blobs at this moment."""
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.method)
        if len(asked) < QUICK.tries:
            return web.json_response({"errors": [{"code": code}]}, status=400)
        return web.Response(status=201, headers={"OCI-Subject": DIGEST})

    async with standing_in(handler) as registry:
        assert await registry.push_manifest("runs/x", DIGEST, b"{}", INDEX_TYPE)
    assert asked == ["PUT"] * QUICK.tries


async def test_a_manifest_that_is_never_taken_is_given_up() -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.method)
        return web.json_response({"errors": [{"code": "MANIFEST_BLOB_UNKNOWN"}]}, status=404)

    async with standing_in(handler) as registry:
        with pytest.raises(RegistryRefused, match="MANIFEST_BLOB_UNKNOWN"):
            await registry.push_manifest("runs/x", DIGEST, b"{}", INDEX_TYPE)
    assert len(asked) == QUICK.tries


IMMUTABLE = {"errors": [{"code": "TAG_INVALID", "message": "cannot be overwritten because the tag is immutable"}]}


def tag_that_stays(held: bytes | None, asked: list[tuple[str, str]]) -> Handler:
    """Refuse a push by a tag; answer with what is held under it, if anything is."""

    async def handler(request: web.Request) -> web.Response:
        asked.append((request.method, request.path.rpartition("/")[2]))
        if request.method == "PUT":
            return web.json_response(IMMUTABLE, status=400)
        return web.Response(status=404) if held is None else web.Response(body=held, content_type=INDEX_TYPE)

    return handler


async def test_a_tag_that_stays_is_as_good_as_pushed_where_it_has_the_same_bytes() -> None:
    asked: list[tuple[str, str]] = []
    async with standing_in(tag_that_stays(b"{}", asked)) as registry:
        assert not await registry.push_manifest("runs/x", "run-1", b"{}", INDEX_TYPE)
    assert asked == [("PUT", "run-1"), ("GET", "run-1")]


@pytest.mark.parametrize("held", [b'{"other": 1}', None], ids=["other bytes", "nothing"])
async def test_a_tag_that_stays_and_has_something_else_is_refused_in_the_registrys_words(held: bytes | None) -> None:
    async with standing_in(tag_that_stays(held, [])) as registry:
        with pytest.raises(RegistryRefused, match="immutable"):
            await registry.push_manifest("runs/x", "run-1", b"{}", INDEX_TYPE)


async def test_what_is_refused_by_its_digest_is_not_asked_for() -> None:
    asked: list[tuple[str, str]] = []
    async with standing_in(tag_that_stays(b"{}", asked)) as registry:
        with pytest.raises(RegistryRefused, match="immutable"):
            await registry.push_manifest("runs/x", DIGEST, b"{}", INDEX_TYPE)
    assert asked == [("PUT", DIGEST)]


async def test_a_large_blob_that_is_there_is_not_sent() -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.method)
        return web.Response()

    async with standing_in(handler) as registry:
        await registry.push_blob("runs/x", b"x" * (SENT_UNASKED + 1))
    assert asked == ["HEAD"]


@pytest.mark.parametrize(
    ("challenge", "words"),
    [
        ('Bearer realm="ftp://127.0.0.1/token"', "that must be https"),
        ('Bearer service="x"', "that must be https"),
        ("Negotiate abc", "of a kind that is not known"),
        ("", "of a kind that is not known"),
    ],
)
async def test_a_challenge_that_leads_astray_is_refused(challenge: str, words: str) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    async with standing_in(handler, lambda _: SECRET) as registry:
        with pytest.raises(RegistryRefused, match=words) as refused:
            await registry.blob("runs/x", DIGEST, 1_000)
    assert SECRET.password not in str(refused.value)


@pytest.mark.parametrize("token", ["two words", "line\r\nX-Other: 1", "tökén", 7, None])
async def test_a_token_that_is_none_is_refused(token: object) -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/token":
            return web.json_response({"token": token})
        challenge = f'Bearer realm="http://{request.host}/token"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    with pytest.raises(Malformed, match="answered with no token"):
        await _blob(handler)


def _page(count: int) -> bytes:
    one = Descriptor(media_type="text/plain", digest=DIGEST, size=1)
    return index_bytes((one,) * count)


async def _listed(handler: Handler) -> tuple[Descriptor, ...]:
    async with standing_in(handler) as registry:
        return await list_referrers(registry, "runs/x", DIGEST)


async def test_a_list_on_pages_is_read_to_its_end() -> None:
    async def handler(request: web.Request) -> web.Response:
        number = int(request.query.get("page", "1"))
        link = {"Link": f'<{request.path}?page={number + 1}>; rel="next"'} if number < 3 else {}
        return web.Response(body=_page(2), headers={"Content-Type": INDEX_TYPE, **link})

    assert len(await _listed(handler)) == 6


async def test_a_list_without_end_is_given_up() -> None:
    asked = 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        link = {"Link": f'<{request.path}?page={asked}>; rel="next"'}
        return web.Response(body=_page(0), headers={"Content-Type": INDEX_TYPE, **link})

    with pytest.raises(Malformed, match=f"more than {MAX_PAGES} pages"):
        await _listed(handler)
    assert asked == MAX_PAGES + 1


async def test_a_list_that_goes_on_elsewhere_is_refused() -> None:
    async def handler(_: web.Request) -> web.Response:
        link = {"Link": '<http://127.0.0.1:1/v2/next>; rel="next"'}
        return web.Response(body=_page(1), headers={"Content-Type": INDEX_TYPE, **link})

    with pytest.raises(RegistryRefused, match="to the registry alone"):
        await _listed(handler)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"schemaVersion": 2, "manifests": [{"digest": "x"}]}'])
async def test_a_list_that_is_none_is_refused(body: bytes) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Content-Type": INDEX_TYPE})

    if body == b"{}":  # a list of nothing: the specification gives each field a default or one value
        assert await _listed(handler) == ()
        return
    with pytest.raises(Malformed):
        await _listed(handler)


async def test_a_manifest_over_the_limit_is_not_read() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=b" " * (MAX_MANIFEST_BYTES + 1))

    async with standing_in(handler) as registry:
        with pytest.raises(Malformed, match="more than"):
            await registry.manifest(Reference(registry.host, "runs/x", tag="v1"))


LARGE = bytes(range(256)) * 4_096
"""A megabyte: at a rate at which it takes longer than one answer, and longer than one request, may."""
SLOW_LINE = replace(QUICK, answer_s=0.4, request_s=0.6, slowest_bytes_per_s=len(LARGE))


async def test_a_large_blob_has_the_time_that_a_slow_line_needs() -> None:
    """A registry that takes it, and gives it back, so slowly that both limits are over long before."""
    taken = bytearray()

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.method == "HEAD":
            return web.Response(status=404)
        if request.method == "POST":
            return web.Response(status=202, headers={"Location": "/v2/runs/x/blobs/uploads/1"})
        if request.method == "PUT":
            assert request.headers["Content-Length"] == str(len(LARGE))
            async for piece in request.content.iter_chunked(PIECE):
                taken.extend(piece)
                await asyncio.sleep(0.05)
            return web.Response(status=201)
        response = web.StreamResponse(headers={"Content-Length": str(len(LARGE))})
        await response.prepare(request)
        for start in range(0, len(LARGE), PIECE):
            await response.write(LARGE[start : start + PIECE])
            await asyncio.sleep(0.05)
        return response

    async with standing_in(handler, limits=SLOW_LINE) as registry:
        digest = await registry.push_blob("runs/x", LARGE)
        assert bytes(taken) == LARGE
        assert await registry.blob("runs/x", digest, len(LARGE)) == LARGE


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_one_that_stands_still_in_the_midst_of_a_large_blob_is_given_up(method: str) -> None:
    """What has moved gave it a quarter of a second and no more."""
    asked: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.method in {"HEAD", "POST"}:
            status = 404 if request.method == "HEAD" else 202
            return web.Response(status=status, headers={"Location": "/v2/runs/x/blobs/uploads/1"})
        asked.append(request.method)
        response = web.StreamResponse(headers={"Content-Length": str(len(LARGE))})
        if request.method == "GET":
            await response.prepare(request)
            await response.write(LARGE[: len(LARGE) // 4])
        await asyncio.sleep(60)
        return response

    started = time.monotonic()
    async with standing_in(handler, limits=SLOW_LINE) as registry:
        with pytest.raises(RegistryUnavailable, match=r"not answered within 0\.6 s|cannot be reached"):
            await (registry.blob("runs/x", DIGEST, 1 << 24) if method == "GET" else registry.push_blob("runs/x", LARGE))
    assert method in asked
    assert time.monotonic() - started < 10


async def test_a_trickle_is_given_up() -> None:
    """Bytes that come, at less than the slowest rate that is put up with, buy next to no time."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(LARGE))})
        await response.prepare(request)
        for _ in range(1_000):
            await response.write(b"x")
            await asyncio.sleep(0.05)
        return response

    async with standing_in(handler, limits=SLOW_LINE) as registry:
        with pytest.raises(RegistryUnavailable):
            await registry.blob("runs/x", DIGEST, len(LARGE))


async def test_uploads_share_the_rate_that_they_may_have() -> None:
    """Four megabytes at once, and two a second in all; what they wait for each other is no fault of the registry."""
    taken: list[int] = []

    async def handler(request: web.Request) -> web.Response:
        if request.method == "HEAD":
            return web.Response(status=404)
        if request.method == "POST":
            return web.Response(status=202, headers={"Location": "/v2/runs/x/blobs/uploads/1"})
        taken.append(len(await request.read()))
        return web.Response(status=201)

    rate = 2.0 * len(LARGE)
    limits = replace(SLOW_LINE, upload_bytes_per_s=rate)
    async with standing_in(handler, limits=limits) as registry:
        started = time.monotonic()
        await asyncio.gather(*(registry.push_blob("runs/x", bytes([number]) + LARGE) for number in range(4)))
        took = time.monotonic() - started
    assert taken == [len(LARGE) + 1] * 4
    assert took >= 2.0 - PIECE / rate, "the last piece is sent when it is its turn"


async def test_what_is_there_already_is_not_sent_again() -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.method)
        return web.Response(status=200)

    async with standing_in(handler) as registry:
        await registry.push_blob("runs/x", LARGE)
    assert asked == ["HEAD"]


@pytest.mark.parametrize("what", ["small blob", "large blob", "manifest"])
async def test_one_that_says_it_has_taken_something_else_is_refused(what: str) -> None:
    lies = {"Docker-Content-Digest": DIGEST}

    async def handler(request: web.Request) -> web.Response:
        await request.read()
        if request.method == "HEAD":
            return web.Response(status=404)
        if request.method == "POST" and not request.query:
            return web.Response(status=202, headers={"Location": "/v2/runs/x/blobs/uploads/1"})
        return web.Response(status=201, headers=lies)

    async with standing_in(handler) as registry:
        pushes: dict[str, Callable[[], Awaitable[object]]] = {
            "small blob": lambda: registry.push_blob("runs/x", b"something else"),
            "large blob": lambda: registry.push_blob("runs/x", LARGE),
            "manifest": lambda: registry.push_manifest("runs/x", "latest", b"{}", INDEX_TYPE),
        }
        with pytest.raises(DigestMismatch, match="says that it has taken 'sha256:"):
            await pushes[what]()
        lies.clear()
        assert await registry.push_blob("runs/x", b"something else")
