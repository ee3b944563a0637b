"""Stores behind a network: S3, Google Cloud Storage, Azure, through one library (obstore).

Endpoint, region and credentials come from the environment in the form each vendor's own tools read
(``AWS_ENDPOINT_URL``, ``AWS_REGION``, ``AWS_ACCESS_KEY_ID``, ...), never from the URL, which ends up in logs and
status. Retries are the library's, with exponential backoff; all limits are in ``Limits``, and nothing waits past them.
"""

from __future__ import annotations

import contextlib
import http
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store, from_url

from tradeplane_store.errors import (
    AlreadyExists,
    DeletionRefused,
    InvalidStore,
    NotFound,
    StoreError,
    StoreFull,
    StoreUnavailable,
    TooLarge,
)
from tradeplane_store.state import ObjectState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

    from obstore import PutMode
    from obstore.store import ObjectStore as Client

_FULL = re.compile(r"\b507\b|Insufficient ?Storage|StorageFull|QuotaExceeded|quota exceeded", re.IGNORECASE)
"""How servers say full: HTTP 507, and the codes of MinIO (XMinioStorageFull) and Ceph (QuotaExceeded)."""
_NO_BUCKET = re.compile(r"NoSuchBucket|ContainerNotFound|bucket does not exist", re.IGNORECASE)
"""How servers tell a missing bucket from a missing object, in the body of the answer."""
_KEPT = re.compile(
    r"\bAccessDenied\b|ObjectLocked|object lock|WORM|retentionPolicyNotMet|retention policy|BlobImmutable|"
    r"AuthorizationPermissionMismatch|storage\.objects\.delete|\bInvalidRequest\b|MethodNotAllowed",
    re.IGNORECASE,
)
"""How servers say that an object stays: locks and retention of S3, Google and Azure, and missing permission."""
_LOCK = "x-amz-object-lock"
_SIGNED_SECONDS = 30
_YES = {"1", "true", "yes", "on"}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a request and its retries may take, all together."""

    connect_seconds: float = 5
    """To open a connection. A store that is there answers within a round trip."""
    request_seconds: float = 300
    """One request from start to last byte; a part of several hundred megabytes on a slow link fits."""
    retries: int = 6
    """Repeats of a request that failed by the server's or the network's fault."""
    retry_seconds: float = 60
    """Time from the first attempt after which no further one begins."""


class RemoteStore:
    """Objects in a bucket. Names are checked by the caller (``tradeplane_store.names``)."""

    def __init__(self, url: str, limits: Limits) -> None:
        self._url, self._limits = url.rstrip("/"), limits
        options: dict[str, Any] = {
            "connect_timeout": timedelta(seconds=limits.connect_seconds),
            "timeout": timedelta(seconds=limits.request_seconds),
        }
        retry: dict[str, Any] = {
            "max_retries": limits.retries,
            "retry_timeout": timedelta(seconds=limits.retry_seconds),
        }
        try:
            self._client: Client = _client(url, options, retry)
        except InvalidStore:
            raise
        except (BaseError, ValueError) as error:
            raise InvalidStore(f"the store {url} cannot be used: {_first_line(error)}; correct its URL or the "
                               "environment that names its endpoint, region and credentials") from error  # fmt: skip

    def get(self, name: str, limit: int) -> bytes:
        """Return the bytes of an object of at most ``limit`` bytes."""
        with self._errors("read", name):
            found = obstore.get(self._client, name)
            size = found.meta["size"]
            if size > limit:
                raise TooLarge(f"{self._url}/{name} has {size} bytes, more than the {limit} that are read here")
            return bytes(found.bytes())

    def put(self, name: str, data: bytes | memoryview, *, absent: bool) -> None:
        """Write an object whole; with ``absent``, only where there is none of this name."""
        mode: PutMode = "create" if absent else "overwrite"
        with self._errors("write", name):
            # As unsigned bytes: the client takes any other buffer, such as Arrow's, for a sequence of chunks.
            obstore.put(self._client, name, memoryview(data).cast("B"), mode=mode)

    def exists(self, name: str) -> bool:
        """Return whether there is an object of this name."""
        try:
            with self._errors("look up", name):
                obstore.head(self._client, name)
        except NotFound:
            return False
        return True

    def stat(self, name: str) -> ObjectState:
        """Return size and age of an object; NotFound where there is none."""
        with self._errors("look up", name):
            found = obstore.head(self._client, name)
        return ObjectState(found["size"], int(found["last_modified"].timestamp()) * 1_000_000_000)

    def delete(self, name: str) -> None:
        """Delete an object; NotFound where there is none."""
        with self._errors("delete", name):
            obstore.head(self._client, name)  # S3 deletes what is not there without a word
            obstore.delete(self._client, name)

    def held(self, name: str) -> str:
        """Return what of S3's Object Lock holds an object; empty where nothing does, and for stores of other kinds.

        Others refuse to delete what they hold. S3 does not where it keeps versions: what is deleted is only hidden.
        """
        if not isinstance(self._client, S3Store):
            return ""
        with self._errors("look up", name):
            address = obstore.sign(self._client, "HEAD", name, timedelta(seconds=_SIGNED_SECONDS))
            return _lock(_headers(address, min(_SIGNED_SECONDS, self._limits.request_seconds)))

    def remove_folder(self, folder: str) -> None:
        """Do nothing: what is in no object is not there."""

    def names(self, folder: str) -> Iterator[str]:
        """Yield the names of all objects under a folder, in no particular order."""
        with self._errors("list", folder):
            for page in obstore.list(self._client, prefix=folder or None):
                yield from (each["path"] for each in page)

    def folders(self, folder: str) -> Iterator[str]:
        """Yield the names (last segments) of the folders in a folder, in no particular order."""
        with self._errors("list", folder):
            page = obstore.list_with_delimiter(self._client, prefix=folder or None)
            yield from (each.rstrip("/").rsplit("/", 1)[-1] for each in page["common_prefixes"])

    @contextlib.contextmanager
    def _errors(self, verb: str, name: str) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError) as error:
            raise _translated(verb, f"{self._url}/{name}", error) from error


def _client(url: str, options: dict[str, Any], retry: dict[str, Any]) -> Client:
    config: dict[str, Any] = {}
    if url.startswith("s3://"):
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        allow_http = os.environ.get("AWS_ALLOW_HTTP", "").lower() in _YES
        if endpoint:
            config["endpoint"] = endpoint
        if endpoint and endpoint.startswith("http://") and not allow_http:
            raise InvalidStore(
                f"the endpoint {endpoint} of the store {url} is plain HTTP; use https://, or set AWS_ALLOW_HTTP=true "
                "where the network between is trusted"
            )
        options["allow_http"] = allow_http
    if url.startswith("memory://"):
        return from_url(url)
    return cast("Client", from_url(url, config=config or None, client_options=options, retry_config=retry))  # type: ignore[call-overload]


def _headers(address: str, seconds: float) -> Message:
    """Return what a server answers to HEAD. Raises OSError, and FileNotFoundError where there is no such object."""
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    try:
        # The address is that of a store the administrator named, signed a moment ago.
        with urlopen(Request(address, method="HEAD"), timeout=seconds) as answer:  # noqa: S310
            found: Message = answer.headers
            return found
    except HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.NOT_FOUND:
            raise FileNotFoundError(f"HTTP {error.code}") from None
        raise OSError(f"HTTP {error.code} {error.reason}") from None
    except HTTPException as error:
        raise OSError(f"no answer that is HTTP ({type(error).__name__})") from None


def _lock(headers: Message) -> str:
    """Return what the headers of an object say of its lock."""
    until, mode = headers.get(f"{_LOCK}-retain-until-date"), headers.get(f"{_LOCK}-mode")
    if headers.get(f"{_LOCK}-legal-hold", "").upper() == "ON":
        return "a legal hold"
    return f"Object Lock ({mode}) until {until}" if until and mode and _is_ahead(until) else ""


def _is_ahead(moment: str) -> bool:
    """Return whether a time is still to come; one that cannot be read is taken to be."""
    try:
        return datetime.fromisoformat(moment) > datetime.now(UTC)
    except (ValueError, TypeError):
        return True


def _first_line(error: Exception) -> str:
    """Return the library's message without its debugging dump, and without query strings, which may hold signatures."""
    return re.sub(r"\?[^\s\"')]*", "", str(error).partition("\n")[0]).strip()


def _translated(verb: str, path: str, error: Exception) -> StoreError:
    words = _first_line(error)
    if _NO_BUCKET.search(str(error)) or (verb == "write" and isinstance(error, FileNotFoundError)):
        return StoreUnavailable(f"could not {verb} {path}: there is no such bucket; create it, or correct the URL")
    if isinstance(error, FileNotFoundError):
        return NotFound(f"{path} does not exist ({words})")
    if isinstance(error, AlreadyExistsError):
        return AlreadyExists(f"{path} exists already and was left as it is")
    if _FULL.search(str(error)):
        return StoreFull(f"no room to {verb} {path}: {words}; free space or raise the quota")
    if verb == "delete" and _KEPT.search(str(error)):
        return DeletionRefused(
            f"the store does not let {path} be deleted: {words}; it is retained, or the credentials do not permit it"
        )
    if isinstance(error, (PermissionDeniedError, UnauthenticatedError)):
        return StoreUnavailable(f"not allowed to {verb} {path}: {words}; check the credentials and what they permit")
    return StoreUnavailable(
        f"could not {verb} {path}: {words}; check the endpoint, the network and the bucket, and that there are "
        "credentials"
    )
