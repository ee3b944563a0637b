"""Fetching packages: by digest from the mirror, and what happens when the mirror has moved on."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.images import debian
from tradeplane_stacks.images.debian import PackageFiles
from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.lock import LockedPackage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CONTENT = b"a package"


def package(name: str, content: bytes = _CONTENT) -> LockedPackage:
    digest = hashlib.sha256(content).hexdigest()
    return LockedPackage("amd64", name, "1.0", len(content), digest, f"debian/pool/{name}.deb")


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes | int]]:
    """Serve, as a mirror, the content or the status that stands under a path."""
    answers: dict[str, bytes | int] = {}

    class Mirror(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path, 404)
            self.send_response(answer if isinstance(answer, int) else 200)
            self.end_headers()
            if isinstance(answer, bytes):
                self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("TRADEPLANE_DEBIAN_MIRROR", f"http://127.0.0.1:{server.server_address[1]}/")
        yield answers
        server.shutdown()
        thread.join()


def test_a_package_is_fetched_once(tmp_path: Path, served: dict[str, bytes | int]) -> None:
    wanted = package("one")
    served["/debian/pool/one.deb"] = _CONTENT
    files = PackageFiles(tmp_path, pytest.fail)
    assert files.fetch((wanted,)) == (wanted,)
    del served["/debian/pool/one.deb"]
    assert files.fetch((wanted,)) == (wanted,)
    assert files.path(wanted).read_bytes() == _CONTENT


@pytest.mark.parametrize("content", [b"a packagf", _CONTENT + b"!", b""])
def test_other_bytes_than_the_lock_names_are_refused(
    tmp_path: Path, served: dict[str, bytes | int], content: bytes
) -> None:
    served["/debian/pool/one.deb"] = content
    with pytest.raises(ImageError, match=r"one\.deb is not the file that base\.lock names"):
        PackageFiles(tmp_path, pytest.fail).fetch((package("one"),))
    assert list(tmp_path.iterdir()) == []


def test_a_failing_mirror_is_named(tmp_path: Path, served: dict[str, bytes | int]) -> None:
    served["/debian/pool/one.deb"] = 503
    with pytest.raises(ImageError, match=r"answered 503.*TRADEPLANE_DEBIAN_MIRROR"):
        PackageFiles(tmp_path, pytest.fail).fetch((package("one"),))


def test_a_mirror_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEPLANE_DEBIAN_MIRROR", "http://127.0.0.1:9")
    with pytest.raises(ImageError, match=r"http://127\.0\.0\.1:9/debian.*cannot be fetched"):
        PackageFiles(tmp_path, pytest.fail).fetch((package("one"),))


def test_a_package_the_mirror_dropped_is_replaced_said_and_remembered(
    tmp_path: Path, served: dict[str, bytes | int], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, dropped = package("kept"), package("dropped", b"old")
    newer = replace(package("dropped", b"new"), version="1.1", path="debian/pool/dropped_1.1.deb")
    served.update({"/debian/pool/kept.deb": _CONTENT, "/debian/pool/dropped_1.1.deb": b"new"})
    asked: list[str] = []

    def resolve(architecture: str) -> tuple[LockedPackage, ...]:
        asked.append(architecture)
        return kept, newer

    monkeypatch.setattr(debian, "resolve", resolve)
    said: list[str] = []
    files = PackageFiles(tmp_path, said.append)
    for _ in range(2):
        assert set(files.fetch((kept, dropped))) == {kept, newer}
    assert asked == ["amd64"]
    assert len(said) == 1
    assert "dropped:amd64 1.0" in said[0]
    assert "images lock" in said[0]


def test_without_apt_there_is_no_replacement_and_the_remedy_is_named(
    tmp_path: Path, served: dict[str, bytes | int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert served == {}
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ImageError, match=r"needs apt-get.*--base"):
        PackageFiles(tmp_path, lambda _: None).fetch((package("one"),))
