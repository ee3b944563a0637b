"""What a store in a folder promises beyond the contract: permissions, links, whole writes, a full disk."""

from __future__ import annotations

import errno
import os
import resource
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tradeplane_store.disk import FILE_MODE, FOLDER_MODE
from tradeplane_store.errors import DeletionRefused, InvalidPath, NotFound, StoreError, StoreFull, StoreUnavailable
from tradeplane_store.objects import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(params=[0o022, 0o077, 0o000])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_modes_are_ours_whatever_the_umask(tmp_path: Path) -> None:
    open_store((tmp_path / "new").as_uri(), create=True).put("a/b", b"")
    assert stat.S_IMODE((tmp_path / "new/a/b").stat().st_mode) == FILE_MODE == 0o640
    for folder in ("new", "new/a"):
        assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == FOLDER_MODE == 0o770


def test_a_shared_group_is_passed_on(tmp_path: Path) -> None:
    tmp_path.chmod(0o2770)
    open_store(tmp_path.as_uri()).put("a/b/c", b"")
    assert all((tmp_path / folder).stat().st_mode & stat.S_ISGID for folder in ("a", "a/b"))


def test_links_are_never_followed(tmp_path: Path) -> None:
    secret = tmp_path / "outside/secret"
    secret.parent.mkdir()
    secret.write_text("of another tenant")
    root = tmp_path / "store"
    store = open_store(root.as_uri(), create=True)
    (root / "folder").symlink_to(secret.parent)
    (root / "file").symlink_to(secret)
    with pytest.raises(InvalidPath, match="links in a store are not followed"):
        store.get("file")
    with pytest.raises(NotFound):
        store.get("folder/secret")
    with pytest.raises(InvalidPath, match="symbolic link"):
        store.put("folder/planted", b"")
    assert not store.exists("file")
    assert not store.exists("folder/secret")
    assert store.list() == []
    assert store.folders() == []
    store.put("file", b"replaces the link, not what it points to")
    assert secret.read_text() == "of another tenant"
    assert not (root / "file").is_symlink()
    assert [each.name for each in secret.parent.iterdir()] == ["secret"]


def test_a_fifo_does_not_hold_a_reader(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    store = open_store(tmp_path.as_uri())
    with pytest.raises(NotFound, match="not a regular file"):
        store.get("pipe")
    assert not store.exists("pipe")


def test_a_write_that_fails_leaves_nothing_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path.as_uri())
    store.put("a/b", b"before")

    def broken(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    for call in ("fsync", "rename"):
        with monkeypatch.context() as patch:
            patch.setattr(os, call, broken)
            with pytest.raises(StoreUnavailable, match="Input/output error"):
                store.put("a/b", b"after")
        assert [each.name for each in (tmp_path / "a").iterdir()] == ["b"]
        assert store.get("a/b") == b"before"


def test_left_over_temporary_files_are_not_objects(tmp_path: Path) -> None:
    (tmp_path / ".0123456789abcdef").write_bytes(b"half")
    assert open_store(tmp_path.as_uri()).list() == []


def test_a_name_below_an_object_cannot_be_written(tmp_path: Path) -> None:
    store = open_store(tmp_path.as_uri())
    store.put("a", b"")
    with pytest.raises(InvalidPath, match="choose another name"):
        store.put("a/b", b"")
    store.put("c/d", b"")
    with pytest.raises(InvalidPath, match="folder itself"):
        store.put("c", b"")


def _write_under_a_quota(root: Path, size: int, quota: int) -> subprocess.CompletedProcess[str]:
    """Write ``size`` bytes in a process that may write files of ``quota`` bytes: the kernel refuses as a full disk."""
    program = (
        "import sys\nfrom tradeplane_store.objects import open_store\n"
        "from tradeplane_store.errors import StoreFull\n"
        "try:\n    open_store(sys.argv[1]).put('a/b', b'x' * int(sys.argv[2]))\n"
        "except StoreFull as error:\n    print(error)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program, root.as_uri(), str(size)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (quota, quota)),
    )


def test_no_room_is_said_with_the_remedy_and_leaves_nothing(tmp_path: Path) -> None:
    finished = _write_under_a_quota(tmp_path, size=8192, quota=4096)
    assert finished.stdout.startswith(f"no room to write {tmp_path}/a/b")
    assert "free space, raise the quota or grow the volume" in finished.stdout
    assert not list((tmp_path / "a").iterdir())
    assert _write_under_a_quota(tmp_path, size=4096, quota=4096).stdout == ""
    assert open_store(tmp_path.as_uri()).get("a/b") == b"x" * 4096


@pytest.mark.parametrize(
    ("number", "kind"),
    [(28, StoreFull), (122, StoreFull), (27, StoreFull), (13, StoreUnavailable), (30, StoreUnavailable)],
)
def test_what_the_kernel_says_decides_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[StoreError]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(kind, match=os.strerror(number)):
        open_store(tmp_path.as_uri()).put("a", b"")


@pytest.mark.parametrize("method", ["put", "put_if_absent"])
def test_bytes_are_on_disk_before_their_name_and_the_name_before_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    steps: list[str] = []

    def recorded(name: str) -> Callable[..., None]:
        real = getattr(os, name)

        def call(*args: object, **kwargs: object) -> None:
            kind = "folder" if name == "fsync" and stat.S_ISDIR(os.fstat(args[0]).st_mode) else name  # type: ignore[arg-type]
            steps.append(kind)
            real(*args, **kwargs)

        return call

    store = open_store(tmp_path.as_uri())
    for name in ("fsync", "link", "rename"):
        monkeypatch.setattr(os, name, recorded(name))
    getattr(store, method)("a", b"1")
    assert steps == ["fsync", "rename" if method == "put" else "link", "folder"]


def test_the_first_goes_first_and_a_refusal_of_it_leaves_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path.as_uri())
    for name in ("s/a.arrow", "s/manifest.json", "s/z.arrow"):
        store.put(name, b"")
    asked: list[str] = []

    def unlink(path: str, *, dir_fd: int | None = None) -> None:
        del dir_fd
        asked.append(path)
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "unlink", unlink)
    with pytest.raises(DeletionRefused, match=r"Read-only file system.*mount the volume for writing"):
        store.remove("s", first="s/manifest.json")
    assert asked == ["manifest.json"]
    assert len(store.list()) == 3


@pytest.mark.parametrize("kind", [errno.EACCES, errno.EPERM])
def test_what_may_not_be_deleted_is_refused(kind: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path.as_uri())
    store.put("a", b"")

    def unlink(*_: object, **__: object) -> None:
        raise OSError(kind, os.strerror(kind))

    monkeypatch.setattr(os, "unlink", unlink)
    with pytest.raises(DeletionRefused, match=f"let user {os.geteuid()} write to its folder"):
        store.delete("a")


def test_a_folder_whose_objects_are_removed_goes_and_one_that_has_more_stays(tmp_path: Path) -> None:
    store = open_store(tmp_path.as_uri())
    store.put("s/a/m", b"")
    store.put("s/b/m", b"")
    (tmp_path / "s/b/.half-written").write_bytes(b"")
    assert store.remove("s/a", first="s/a/m") == store.remove("s/b", first="s/b/m") == 1
    assert store.folders("s") == ["b"]
