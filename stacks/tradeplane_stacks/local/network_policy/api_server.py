"""List and watch, as much of the Kubernetes API as an enforcer needs.

A full client would bring thousands of generated models for three lists. What must be right here is small: a watch ends
(the server closes it, the network loses it, its history is compacted away) and the answer to each is another list.
"""

import asyncio
import base64
import json
import logging
import ssl
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import yaml

_LOG = logging.getLogger(__name__)
_PAGE = 500  # objects a list call; keeps answers small on a large cluster
_WATCH_S = 60  # the server ends a watch after this long, so a silent one is noticed soon after
_SILENCE_S = 75  # without a byte for this long a watch is taken for dead
_REQUEST_S = 30
_LONGEST_EVENT = 4 * 1024 * 1024  # bytes; etcd refuses objects above 1.5 MiB
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0


class ApiServerError(RuntimeError):
    """The API server cannot be used; the message says which address and why."""


class Sink(Protocol):
    """What takes in the objects of one resource."""

    def replace(self, objects: Sequence[Mapping[str, Any]]) -> None:
        """Take a complete list; what is not in it does not exist."""

    def put(self, obj: Mapping[str, Any]) -> None:
        """Take an object that was added or changed."""

    def remove(self, obj: Mapping[str, Any]) -> None:
        """Forget an object."""


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """The current context of a kubeconfig file: where the API server is and how to speak to it."""

    server: str
    tls: ssl.SSLContext | None
    token: str | None

    @classmethod
    def load(cls, path: Path) -> "Kubeconfig":
        """Read a kubeconfig with certificates (inline or by file) or a token.

        Raises:
            ApiServerError: the file cannot be read, or lacks its current context.

        """
        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8"))
            context = _named(document, "contexts", document["current-context"])["context"]
            cluster = _named(document, "clusters", context["cluster"])["cluster"]
            user = _named(document, "users", context["user"])["user"]
            server = cluster["server"].rstrip("/")
            tls = _tls(cluster, user, path.parent) if server.startswith("https:") else None
        except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, StopIteration, ValueError) as error:
            raise ApiServerError(f"kubeconfig {path} cannot be used: {type(error).__name__}: {error}") from error
        return cls(server, tls, user.get("token"))


def _named(document: Mapping[str, Any], section: str, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(entry for entry in document[section] if entry["name"] == name)
    return found


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any], folder: Path) -> ssl.SSLContext:
    """Build a TLS context; the client certificate passes through a private file, since `ssl` reads no other source."""
    authority = _material(cluster, "certificate-authority", folder)
    context = ssl.create_default_context(cadata=authority.decode() if authority else None)
    certificate, key = (_material(user, f"client-{part}", folder) for part in ("certificate", "key"))
    if certificate and key:
        with tempfile.NamedTemporaryFile() as both:  # created with mode 0600
            both.write(certificate + b"\n" + key)
            both.flush()
            context.load_cert_chain(both.name)
    return context


def _material(section: Mapping[str, Any], field: str, folder: Path) -> bytes | None:
    """Read a field that a kubeconfig gives inline (`<field>-data`, base64) or as a path."""
    if inline := section.get(f"{field}-data"):
        return base64.b64decode(inline, validate=True)
    if name := section.get(field):
        return (folder / str(name)).read_bytes()
    return None


@asynccontextmanager
async def connect(kubeconfig: Kubeconfig) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session with the API server."""
    headers = {"Accept": "application/json", "User-Agent": "tradeplane-network-policy"}
    if kubeconfig.token:
        headers["Authorization"] = f"Bearer {kubeconfig.token}"
    connector = aiohttp.TCPConnector(ssl=kubeconfig.tls if kubeconfig.tls is not None else True)
    timeout = aiohttp.ClientTimeout(total=_REQUEST_S)
    async with aiohttp.ClientSession(
        kubeconfig.server, headers=headers, connector=connector, timeout=timeout
    ) as session:
        yield session


async def follow(session: aiohttp.ClientSession, path: str, sink: Sink, give_up_after_s: float) -> None:
    """Keep `sink` equal to the collection at `path`, for ever.

    Raises:
        ApiServerError: nothing was heard for `give_up_after_s`, or the server refuses the caller (401, 403) from the
            first. One that was let in before is refused for a moment while a restarted server reads its roles.

    """
    clock = asyncio.get_running_loop().time
    heard, pause, let_in = clock(), _FIRST_PAUSE_S, False
    while True:
        try:
            listed = await _list(session, path, sink)
            heard, pause, let_in = clock(), _FIRST_PAUSE_S, True
            async for _ in _watches(session, path, sink, listed):
                heard = clock()
            await asyncio.sleep(_FIRST_PAUSE_S)
        except (aiohttp.ClientError, TimeoutError, json.JSONDecodeError) as error:
            if not let_in and isinstance(error, aiohttp.ClientResponseError) and error.status in (401, 403):
                raise ApiServerError(f"the API server refuses GET {path}: {error.status} {error.message}") from error
            if clock() - heard > give_up_after_s:
                raise ApiServerError(f"GET {path} has failed for {give_up_after_s:.0f} s, last: {error!r}") from error
            _LOG.warning("watch of %s is lost (%r), listing again in %.1f s", path, error, pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)


async def _list(session: aiohttp.ClientSession, path: str, sink: Sink) -> str:
    """Hand the whole collection to the sink; give the resource version it had."""
    objects: list[Mapping[str, Any]] = []
    token: str | None = ""
    version = ""
    while token is not None:
        query = {"limit": str(_PAGE)} | ({"continue": token} if token else {})
        async with session.get(path, params=query) as response:
            response.raise_for_status()
            page = await response.json()
        objects += page["items"] or []
        version, token = page["metadata"]["resourceVersion"], page["metadata"].get("continue") or None
    sink.replace(objects)
    return version


async def _watches(session: aiohttp.ClientSession, path: str, sink: Sink, version: str) -> AsyncIterator[str]:
    """Watch from a version, again and again; yield each new version; end when the version is too old to go on from."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_REQUEST_S, sock_read=_SILENCE_S)
    while True:
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(_WATCH_S),
        }
        async with session.get(path, params=query, timeout=timeout, read_bufsize=_LONGEST_EVENT) as response:
            if response.status == 410:
                return
            response.raise_for_status()
            yield version
            async for line in response.content:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    _LOG.info("watch of %s ends: %s", path, event["object"].get("message"))
                    return
                _deliver(sink, event)
                version = event["object"]["metadata"]["resourceVersion"]
                yield version
        await asyncio.sleep(_FIRST_PAUSE_S)  # a server that closes every watch at once is not to be hammered


def _deliver(sink: Sink, event: Mapping[str, Any]) -> None:
    """Hand one watch event to the sink; a bookmark carries a version alone."""
    if event["type"] in ("ADDED", "MODIFIED"):
        sink.put(event["object"])
    elif event["type"] == "DELETED":
        sink.remove(event["object"])
