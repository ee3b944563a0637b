"""Requests to an OCI registry: pull and push by digest, with limits on size, time and tries.

Source: OCI Distribution Specification 1.1. oras-py has neither coroutines nor the fallback of referrers, nor limits on
what it reads, which is why this stands here.

What a registry answers is believed only as far as its digest goes. Credentials go to the registry itself and to the
authority it names over TLS, and to no place that either redirects to.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

import aiohttp
from tradeplane_store.canonical import sha256_digest
from yarl import URL

from tradeplane_evidence.errors import DigestMismatch, RegistryRefused, RegistryUnavailable
from tradeplane_evidence.registry.answers import MAX_ERROR_BYTES, Answer, read_answer
from tradeplane_evidence.registry.authorization import Authorization
from tradeplane_evidence.registry.manifests import INDEX_TYPE, MANIFEST_TYPE, MAX_MANIFEST_BYTES
from tradeplane_evidence.registry.references import Reference, is_digest
from tradeplane_evidence.registry.transfers import Allowance, Pace, pieces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from tradeplane_evidence.registry.credentials import Credentials

_UNSEEN = ("BLOB_UNKNOWN", "DIGEST_INVALID")
"""Error codes by which a registry says that what a manifest names is not there."""
SENT_UNASKED = 256 * 1024
"""Bytes of a blob that is sent at once: asking whether it is there would take as long."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long is waited: for one answer, and with new tries for one request in all; and how often it is tried.

    Each byte that moves adds to both what it takes at ``slowest_bytes_per_s``, so that a large file has the time that a
    slow line needs. ``upload_bytes_per_s``: how many are sent at most, all uploads taken together; None for no limit.
    """

    answer_s: float = 60.0
    request_s: float = 180.0
    tries: int = 5
    first_pause_s: float = 0.25
    longest_pause_s: float = 20.0
    slowest_bytes_per_s: float = 64 * 1024
    upload_bytes_per_s: float | None = None


@dataclass(slots=True)
class Registry:
    """One registry, by its host. Use it as a context: it keeps connections open.

    ``credentials`` gives what it is logged in to with, and is asked at each challenge, as those of a cloud end after
    hours. Methods raise RegistryUnavailable where it was not reached within the limits, and RegistryRefused where it
    does not allow something, beside those that they state.
    """

    host: str
    plain_http: bool = False
    credentials: Callable[[str], Credentials | None] = lambda _host: None
    limits: Limits = field(default_factory=Limits)
    _session: aiohttp.ClientSession | None = field(default=None, init=False)
    _authorization: Authorization = field(init=False, repr=False)
    _pace: Pace = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._pace = Pace(self.limits.upload_bytes_per_s)
        self._authorization = Authorization(self.host, self.plain_http, self.credentials)

    async def __aenter__(self) -> Self:
        no_timeout = aiohttp.ClientTimeout(total=None)  # those of each request grow with what moves
        self._session = aiohttp.ClientSession(timeout=no_timeout, auto_decompress=False, trust_env=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    @property
    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("a Registry is used as a context: async with Registry(...) as registry")
        return self._session

    async def manifest(self, reference: Reference) -> tuple[bytes, str]:
        """Return the bytes of a manifest and its digest. Raises DigestMismatch where it is not what was asked for."""
        name = reference.digest or reference.tag or "latest"
        answer = await self._ask(
            "GET",
            f"/v2/{reference.repository}/manifests/{name}",
            reference.repository,
            headers={"Accept": f"{MANIFEST_TYPE}, {INDEX_TYPE}"},
            limit=MAX_MANIFEST_BYTES,
        )
        found = sha256_digest(answer.body)
        if reference.digest is not None and found != reference.digest:
            raise DigestMismatch(f"{reference}: the registry answered with bytes of digest {found}; do not rely on it")
        return answer.body, found

    async def blob(self, repository: str, digest: str, limit: int) -> bytes:
        """Return a blob's bytes, at most ``limit``. Raises DigestMismatch."""
        path = f"/v2/{repository}/blobs/{digest}"
        answer = await self._ask("GET", path, repository, limit=limit, redirects=True)
        found = sha256_digest(answer.body)
        if found != digest:
            raise DigestMismatch(
                f"{self.host}/{repository}@{digest}: the registry answered with bytes of digest {found}"
            )
        return answer.body

    async def has_blob(self, repository: str, digest: str) -> bool:
        """Return whether a blob is there."""
        path = f"/v2/{repository}/blobs/{digest}"
        answer = await self._ask("HEAD", path, repository, accepted=(200, 307, 404), push=True)
        return answer.status != HTTPStatus.NOT_FOUND

    async def push_blob(self, repository: str, data: bytes) -> str:
        """Put a blob where it is not there yet; return its digest. Raises DigestMismatch where another is said to be.

        A small one is sent without asking, in the one request that the specification lets a registry take it by. Where
        a registry does not, it answers with where to go on, as for any other.
        """
        digest, small = sha256_digest(data), len(data) <= SENT_UNASKED
        if not small and await self.has_blob(repository, digest):
            return digest
        uploads = f"/v2/{repository}/blobs/uploads/"
        headers = {"Content-Type": "application/octet-stream"}
        if small:
            begun = await self._ask(
                "POST",
                f"{uploads}?digest={digest}",
                repository,
                headers=headers,
                body=data,
                accepted=(201, 202),
                push=True,
            )
            if begun.status == HTTPStatus.CREATED:
                return self._stored(begun, digest)
        else:
            begun = await self._ask("POST", uploads, repository, accepted=(202,), push=True)
        place = self._own_place(begun.headers.get("Location", "")).update_query(digest=digest)
        put = await self._ask("PUT", place, repository, headers=headers, body=data, accepted=(201,), push=True)
        return self._stored(put, digest)

    async def push_manifest(self, repository: str, name: str, data: bytes, media_type: str) -> bool:
        """Put a manifest under a digest or a tag; return whether the registry lists it as a referrer of its subject.

        Raises DigestMismatch where the registry says that it has taken something else.

        Where somebody else pushes the same blobs at this moment, a registry may not see them for a while, and refuses
        what names them: distribution does, whose links to blobs are files that are written anew. That is tried again.

        A registry whose tags do not move may refuse one that has these very bytes already, as ECR does: they are there,
        and nothing is said of referrers.
        """
        path = f"/v2/{repository}/manifests/{name}"
        headers = {"Content-Type": media_type}
        try:
            answer = await self._ask(
                "PUT", path, repository, headers=headers, body=data, accepted=(201,), push=True, again=_UNSEEN
            )
        except RegistryRefused:
            if not is_digest(name) and await self._holds(repository, name, data):
                return False
            raise
        self._stored(answer, sha256_digest(data))
        return "OCI-Subject" in answer.headers

    def _stored(self, answer: Answer, digest: str) -> str:
        """Return the digest of what was put, which a registry that says one must say. Raises DigestMismatch."""
        said = answer.headers.get("Docker-Content-Digest", digest)
        if said != digest:
            raise DigestMismatch(
                f"{self.host} was given bytes of digest {digest} and says that it has taken {said[:100]!r}: what lies "
                "there is not what was pushed; see what stands between us and the registry"
            )
        return digest

    async def _holds(self, repository: str, tag: str, data: bytes) -> bool:
        """Return whether a tag is there, and is of these bytes."""
        try:
            _, found = await self.manifest(Reference(self.host, repository, tag=tag))
        except RegistryRefused:
            return False
        return found == sha256_digest(data)

    async def referrers(
        self, repository: str, digest: str, after: str | None = None
    ) -> tuple[bytes, str | None] | None:
        """Return a page of what refers to a digest, and where the next is; None where there is no such API."""
        place = after or f"/v2/{repository}/referrers/{digest}"
        target = self._own_place(place) if after else place
        answer = await self._ask("GET", target, repository, accepted=(200, 400, 404, 405), limit=MAX_MANIFEST_BYTES)
        if answer.status != HTTPStatus.OK or not answer.headers.get("Content-Type", "").startswith(INDEX_TYPE):
            return None
        return answer.body, _following(answer)

    async def listing(self, place: str, scope: str) -> tuple[bytes, str | None]:
        """Return a page of a list (repositories, or tags of one), and where the next is.

        ``scope`` is what is asked of the authority of a registry that asks who one is.
        """
        target = self._own_place(place)
        answer = await self._ask("GET", target, scope=scope, limit=MAX_MANIFEST_BYTES)
        return answer.body, _following(answer)

    def _own_place(self, location: str) -> URL:
        """Return a place that the registry named, which must be its own: credentials go there."""
        base = self._base()
        try:
            place = base.join(URL(location, encoded=True))
        except ValueError as error:
            raise RegistryUnavailable(f"{self.host} names a place to go on that is none: {location[:200]!r}") from error
        if place.origin() != base.origin():
            raise RegistryRefused(
                f"{self.host} sends us to {place.origin()} to go on; what we push goes to the registry alone"
            )
        return place

    def _base(self) -> URL:
        return URL(f"{'http' if self.plain_http else 'https'}://{self.host}/")

    async def _ask(
        self,
        method: str,
        target: str | URL,
        repository: str = "",
        *,
        scope: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        accepted: tuple[int, ...] = (200,),
        limit: int = MAX_ERROR_BYTES,
        push: bool = False,
        redirects: bool = False,
        again: tuple[str, ...] = (),
    ) -> Answer:
        """Ask until there is an answer that says something, within the limits; return it where it is accepted.

        ``again``: error codes by which it says nothing yet.
        """
        url = target if isinstance(target, URL) else self._base().join(URL(target, encoded=True))
        scope = scope or f"repository:{repository}:{'pull,push' if push else 'pull'}"
        request = _Request(method, url, dict(headers or {}), body, limit, redirects, again)
        try:
            async with asyncio.timeout(self.limits.request_s) as whole:
                answer = await self._answered(request, scope, whole)
        except TimeoutError as error:
            raise RegistryUnavailable(
                f"{method} {url.path} of {self.host} was not answered within {self.limits.request_s:g} s, beside what "
                f"moved at {self.limits.slowest_bytes_per_s:,.0f} bytes a second or more"
            ) from error
        if answer.status in accepted:
            return answer
        raise self._refusal(request, answer)

    async def _answered(self, request: _Request, scope: str, whole: asyncio.Timeout) -> Answer:
        pause, authorised = self.limits.first_pause_s, False
        for count in range(1, self.limits.tries + 1):
            last = count == self.limits.tries
            try:
                answer = await self._once(request, scope, whole)
                if answer.status == HTTPStatus.UNAUTHORIZED and not authorised:
                    authorised = True
                    async with asyncio.timeout(self.limits.answer_s):
                        await self._authorization.answer(self._open, answer.headers.get("WWW-Authenticate", ""), scope)
                    answer = await self._once(request, scope, whole)
            except (aiohttp.ClientError, TimeoutError) as error:
                if last:
                    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
                    raise RegistryUnavailable(f"{self.host} cannot be reached ({what}); tried {count} times") from error
                await asyncio.sleep(pause)
            else:
                if last or not (answer.passing or any(code in answer.words for code in request.again)):
                    return answer
                await asyncio.sleep(max(pause, min(answer.retry_after(), self.limits.longest_pause_s)))
            pause = min(pause * 2, self.limits.longest_pause_s)
        raise AssertionError("the last try returns or raises")

    async def _once(self, request: _Request, scope: str, whole: asyncio.Timeout) -> Answer:
        headers = request.headers | self._authorization.headers(scope)
        async with asyncio.timeout(self.limits.answer_s) as one:
            allowance = Allowance(self.limits.slowest_bytes_per_s, (whole, one))
            body: bytes | AsyncIterator[bytes] | None = request.body
            if request.body:
                body = pieces(request.body, self._pace, allowance)
                headers["Content-Length"] = str(len(request.body))
            try:
                async with self._open.request(
                    request.method, request.url, headers=headers, data=body, allow_redirects=False
                ) as response:
                    if request.redirects and response.status in {301, 302, 303, 307, 308}:
                        return await self._elsewhere(request, response, allowance)
                    return await read_answer(response, request.limit, allowance)
            finally:
                allowance.end()

    async def _elsewhere(self, request: _Request, response: aiohttp.ClientResponse, allowance: Allowance) -> Answer:
        """Fetch a blob from the storage that a registry redirects to: without credentials, and only over TLS.

        A registry without TLS may redirect to another place without it; what comes is known by its digest.
        """
        place = request.url.join(URL(response.headers.get("Location", ""), encoded=True))
        if place.scheme != "https" and not (self.plain_http and place.scheme == "http"):
            raise RegistryRefused(f"{self.host} redirects to {place.scheme}://{place.host}; blobs are fetched over TLS")
        async with self._open.get(place, allow_redirects=False) as found:
            return await read_answer(found, request.limit, allowance)

    def _refusal(self, request: _Request, answer: Answer) -> RegistryRefused | RegistryUnavailable:
        what = f"{self.host} answered {answer.status} to {request.method} {request.url.path}"
        told = f": {answer.words}" if answer.words else ""
        if answer.passing:
            return RegistryUnavailable(f"{what}{told}; tried {self.limits.tries} times")
        remedies = {
            HTTPStatus.UNAUTHORIZED: f"log in with docker login {self.host}",
            HTTPStatus.FORBIDDEN: "ask for the right to do this",
            HTTPStatus.NOT_FOUND: "correct the reference, or push it there",
        }
        remedy = next((words for status, words in remedies.items() if status == answer.status), "see what it says")
        return RegistryRefused(f"{what}{told}; {remedy}", answer.status)


def _following(answer: Answer) -> str | None:
    """Return where the next page of a list is (RFC 8288); None where there is none."""
    found = re.fullmatch(r'<([^>]+)>;\s*rel="?next"?', answer.headers.get("Link", ""))
    return found.group(1) if found else None


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: URL
    headers: dict[str, str]
    body: bytes | None
    limit: int
    redirects: bool
    again: tuple[str, ...]
