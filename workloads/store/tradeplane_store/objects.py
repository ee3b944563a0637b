"""One client for every kind of store.

What stands above it says the same for a folder on a volume and for a bucket: objects are whole, small names map to
bytes, "write if absent" is decided by the store itself, every read has a limit on size and every wait one on time.
The methods whose names begin with ``a`` are the same for coroutines; they run on threads of the store's own, so a
store that hangs holds up nobody but its callers.
"""

from __future__ import annotations

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self, TypeVar
from urllib.parse import unquote, urlsplit

from tradeplane_store.disk import DiskStore
from tradeplane_store.errors import DeletionRefused, InvalidStore, NotFound, StoreUnavailable
from tradeplane_store.names import checked_folder, checked_name

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterator

    from tradeplane_store.remote import Limits
    from tradeplane_store.state import ObjectState

    _Result = TypeVar("_Result")

MAX_DOCUMENT_BYTES = 8 * 1024 * 1024
"""Limit on reading a JSON document; a manifest with 65,536 block digests has 4.6 MB."""
MAX_PART_BYTES = 4 * 1024**3
"""Limit on reading an Arrow file: what a runner of the largest sensible memory could hold."""
MAX_LISTED = 100_000
"""Limit on the names one listing returns."""
THREADS = 16
"""Requests a store answers at once for coroutines; more wait their turn."""
SCHEMES = ("file", "s3", "gs", "az", "memory")


class _Backend(Protocol):
    def get(self, name: str, limit: int) -> bytes: ...
    def put(self, name: str, data: bytes | memoryview, *, absent: bool) -> None: ...
    def exists(self, name: str) -> bool: ...
    def stat(self, name: str) -> ObjectState: ...
    def delete(self, name: str) -> None: ...
    def held(self, name: str) -> str: ...
    def remove_folder(self, folder: str) -> None: ...
    def names(self, folder: str) -> Iterator[str]: ...
    def folders(self, folder: str) -> Iterator[str]: ...


class ObjectStore:
    """Objects by name in one store, or in one folder of it (``within``).

    Every method raises InvalidPath for an unusable name, StoreUnavailable when the store cannot be reached or refuses
    access, and those it states. Instances may be shared between threads.
    """

    def __init__(
        self, url: str, backend: _Backend, prefix: str = "", threads: ThreadPoolExecutor | None = None
    ) -> None:
        self._base_url = url
        self._backend = backend
        self._prefix = prefix
        self._threads = threads or ThreadPoolExecutor(THREADS, thread_name_prefix="store")

    @property
    def url(self) -> str:
        """URL of this store, the folder it is narrowed to included."""
        return f"{self._base_url.rstrip('/')}/{self._prefix}" if self._prefix else self._base_url

    def __repr__(self) -> str:
        return f"ObjectStore({self.url!r})"

    def within(self, folder: str) -> Self:
        """Return the store whose root is a folder of this one, as a namespace's is."""
        return type(self)(self._base_url, self._backend, self._name(checked_name(folder)), self._threads)

    def get(self, name: str, *, limit: int = MAX_DOCUMENT_BYTES) -> bytes:
        """Return an object's bytes. Raises NotFound, and TooLarge when there are more than ``limit``."""
        return self._backend.get(self._name(name), limit)

    def put(self, name: str, data: bytes | memoryview) -> None:
        """Write an object whole, replacing one of the same name. Raises StoreFull."""
        self._backend.put(self._name(name), data, absent=False)

    def put_if_absent(self, name: str, data: bytes | memoryview) -> None:
        """Write an object where there is none of its name; the store decides who is first. Raises AlreadyExists.

        Over a network, AlreadyExists can also mean that an earlier attempt of this very call had succeeded and its
        answer was lost: compare what is there before calling it a conflict.
        """
        self._backend.put(self._name(name), data, absent=True)

    def exists(self, name: str) -> bool:
        """Return whether there is an object of this name."""
        return self._backend.exists(self._name(name))

    def stat(self, name: str) -> ObjectState:
        """Return size and age of an object without reading it. Raises NotFound."""
        return self._backend.stat(self._name(name))

    def delete(self, name: str) -> None:
        """Delete an object. Raises NotFound, and DeletionRefused where the store keeps it."""
        self._backend.delete(self._name(name))

    def remove(self, folder: str, *, first: str) -> int:
        """Delete all objects of a folder, ``first`` of them before the others; return how many there were.

        What was cut short anywhere is completed by the next call. Raises DeletionRefused: with nothing deleted yet
        where the store says beforehand that it holds one of them.
        """
        names = self.list(checked_name(folder))
        for name in names:
            held = self._backend.held(self._name(name))
            if held:
                raise DeletionRefused(f"{self.url}/{name} is kept by the store: {held}; it can be deleted after that")
        for name in sorted(names, key=lambda name: name != first):
            with contextlib.suppress(NotFound):
                self.delete(name)
        self._backend.remove_folder(self._folder(folder))
        return len(names)

    def list(self, folder: str = "") -> builtins.list[str]:
        """Return the names of all objects under a folder, sorted; empty where there is no such folder."""
        cut = len(self._prefix) + 1 if self._prefix else 0
        return sorted(name[cut:] for name in self._limited(self._backend.names(self._folder(folder)), folder))

    def folders(self, folder: str = "") -> builtins.list[str]:
        """Return the names of the folders directly in a folder, sorted, without what lies in them."""
        return sorted(self._limited(self._backend.folders(self._folder(folder)), folder))

    async def aget(self, name: str, *, limit: int = MAX_DOCUMENT_BYTES) -> bytes:
        """``get`` for coroutines."""
        return await self._on_thread(lambda: self.get(name, limit=limit))

    async def aput(self, name: str, data: bytes | memoryview) -> None:
        """``put`` for coroutines."""
        await self._on_thread(lambda: self.put(name, data))

    async def aput_if_absent(self, name: str, data: bytes | memoryview) -> None:
        """``put_if_absent`` for coroutines."""
        await self._on_thread(lambda: self.put_if_absent(name, data))

    async def aexists(self, name: str) -> bool:
        """``exists`` for coroutines."""
        return await self._on_thread(lambda: self.exists(name))

    async def adelete(self, name: str) -> None:
        """``delete`` for coroutines."""
        await self._on_thread(lambda: self.delete(name))

    async def aremove(self, folder: str, *, first: str) -> int:
        """``remove`` for coroutines."""
        return await self._on_thread(lambda: self.remove(folder, first=first))

    async def alist(self, folder: str = "") -> builtins.list[str]:
        """``list`` for coroutines."""
        return await self._on_thread(lambda: self.list(folder))

    async def afolders(self, folder: str = "") -> builtins.list[str]:
        """``folders`` for coroutines."""
        return await self._on_thread(lambda: self.folders(folder))

    def _name(self, name: str) -> str:
        checked = checked_name(name)
        return f"{self._prefix}/{checked}" if self._prefix else checked

    def _folder(self, folder: str) -> str:
        return "/".join(part for part in (self._prefix, checked_folder(folder)) if part)

    def _limited(self, names: Iterator[str], folder: str) -> Iterator[str]:
        for count, name in enumerate(names):
            if count >= MAX_LISTED:
                raise StoreUnavailable(
                    f"{self.url}/{folder} holds more than {MAX_LISTED} objects; list a narrower folder, or delete"
                )
            yield name

    async def _on_thread(self, work: Callable[[], _Result]) -> _Result:
        import asyncio  # who calls this has a loop, and has it imported; a runner has none

        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def open_store(url: str, *, create: bool = False, limits: Limits | None = None) -> ObjectStore:
    """Open the store at a URL: ``file:///folder``, ``s3://bucket/prefix``, ``gs://``, ``az://`` or ``memory://``.

    Nothing is contacted until the first request. ``create`` makes the folder of a ``file`` store where it is missing
    (otherwise a missing folder is StoreUnavailable: a volume that is not mounted must not be taken for an empty one).
    ``limits`` bounds the waits of stores behind a network. Raises InvalidStore for a URL that cannot be one.
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise InvalidStore(f"{url!r} is not the URL of a store; it must begin with one of {', '.join(SCHEMES)}, "
                           "such as file:///var/lib/tradeplane or s3://bucket/prefix")  # fmt: skip
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise InvalidStore(
            f"the URL of a {parts.scheme} store holds more than a place; give credentials and endpoint in the "
            "environment (such as AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL), not in the URL"
        )
    if parts.scheme == "file":
        return ObjectStore(url, _disk_store(url, parts.netloc, unquote(parts.path), create=create))
    return ObjectStore(url, _remote_store(url, limits))


def _disk_store(url: str, host: str, path: str, *, create: bool) -> DiskStore:
    if host not in {"", "localhost"} or not path.startswith("/") or ".." in path.split("/"):
        raise InvalidStore(f"{url!r} names no absolute folder of this machine; write file:///folder")
    store = DiskStore(Path(os.path.normpath(path)))
    if create:
        store.create_root()
    return store


def _remote_store(url: str, limits: Limits | None) -> _Backend:
    from tradeplane_store import remote

    return remote.RemoteStore(url, limits or remote.Limits())
