"""The fetching of Go, from a proxy of Go modules of ours that serves a small one in its place."""

import base64
import http.server
import os
import platform
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "bootstrap" / "go_toolchain.py"
VERSION = f"v0.0.1-go1.99.1.linux-{ {'x86_64': 'amd64', 'aarch64': 'arm64'}[platform.machine()] }"
PREFIX = f"golang.org/toolchain@{VERSION}"
FILES = {
    "bin/go": "#!/bin/sh\necho go version go1.99.1\n",
    "go.mod": "module golang.org/toolchain\n",
    "pkg/tool/linux/compile": "#!/bin/sh\n",
    "src/a.go": "package a\n",
}


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files, and says nothing of it."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Proxy:
    """A proxy of Go modules, and where the script puts what it fetches."""

    folder: Path
    url: str
    target: Path

    @property
    def module(self) -> Path:
        """The one module that there is."""
        return self.folder / "golang.org/toolchain/@v" / f"{VERSION}.zip"

    def fetch(self, digest: str, version: str = VERSION, url: str = "") -> subprocess.CompletedProcess[str]:
        """Fetch the toolchain that is pinned by a digest."""
        pinned = self.folder / "go.sum"
        pinned.write_text(f"golang.org/toolchain {version} {digest}\n")
        return subprocess.run(
            [sys.executable, SCRIPT, pinned, self.target],
            env={**os.environ, "GOPROXY": f"{url or self.url},direct"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    folder = tmp_path / "proxy"
    module = folder / "golang.org/toolchain/@v"
    module.mkdir(parents=True)
    with zipfile.ZipFile(module / f"{VERSION}.zip", "w") as archive:
        for name, content in reversed(FILES.items()):
            archive.writestr(f"{PREFIX}/{name}", content)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Proxy(folder, f"http://127.0.0.1:{server.server_port}", tmp_path / "tools" / "go")
        server.shutdown()
        thread.join()


@pytest.fixture
def digest(proxy: Proxy, tmp_path: Path) -> str:
    """Return the digest of the module by sha256sum, in whose form Go digests the digests of all files."""
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(proxy.module) as archive:
        archive.extractall(unpacked)
    names = sorted(str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file())
    listed = subprocess.run(["sha256sum", *names], cwd=unpacked, capture_output=True, check=True, timeout=30).stdout
    whole = subprocess.run(["sha256sum"], input=listed, capture_output=True, check=True, timeout=30).stdout
    return f"h1:{base64.b64encode(bytes.fromhex(whole.split()[0].decode())).decode()}"


def test_the_toolchain_that_is_pinned_is_there_and_runs(proxy: Proxy, digest: str) -> None:
    proxy.target.mkdir(parents=True)
    (proxy.target / "left").touch()
    done = proxy.fetch(digest)
    assert (done.returncode, done.stderr) == (0, "")
    assert {str(path.relative_to(proxy.target)) for path in proxy.target.rglob("*") if path.is_file()} == set(FILES)
    said = subprocess.run([proxy.target / "bin/go"], capture_output=True, text=True, timeout=30, check=True)
    assert said.stdout == "go version go1.99.1\n"
    assert os.access(proxy.target / "pkg/tool/linux/compile", os.X_OK)
    assert not os.access(proxy.target / "src/a.go", os.X_OK)
    assert [path.name for path in proxy.target.parent.iterdir()] == ["go"], "nothing else is left"


def test_a_changed_file_is_refused_and_nothing_is_left_of_it(proxy: Proxy, digest: str) -> None:
    with zipfile.ZipFile(proxy.module, "a") as archive:
        archive.writestr(f"{PREFIX}/src/b.go", "package b\n")
    done = proxy.fetch(digest)
    assert done.returncode == 1
    assert f"and {digest} is pinned" in done.stderr
    assert list(proxy.target.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "HTTP Error 404"), (b"<html>log in first</html>", "serves no module: File is not a zip")],
)
def test_what_is_no_module_is_told_with_the_setting_that_names_another_proxy(
    proxy: Proxy, content: bytes | None, told: str
) -> None:
    proxy.module.unlink()
    if content is not None:
        proxy.module.write_bytes(content)
    done = proxy.fetch("h1:any")
    assert done.returncode == 1
    assert told in done.stderr
    assert "GOPROXY names another proxy" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_proxy_that_cannot_be_reached_is_told(proxy: Proxy) -> None:
    done = proxy.fetch("h1:any", url="http://127.0.0.1:9")
    assert done.returncode == 1
    assert "Connection refused" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_machine_that_no_go_is_pinned_for_is_told_where_there_is_one(proxy: Proxy) -> None:
    done = proxy.fetch("h1:any", version="v0.0.1-go1.99.1.linux-vax")
    assert done.returncode == 1
    assert f"No Go is pinned for {platform.machine()}" in done.stderr
    assert "https://go.dev/dl/" in done.stderr


def test_what_is_pinned_is_one_release_for_every_machine() -> None:
    lines = (SCRIPT.parent / "go.sum").read_text().splitlines()
    found = [
        re.fullmatch(r"golang\.org/toolchain v0\.0\.1-go([0-9.]+)\.linux-(\w+) h1:\S{43}=", line) for line in lines
    ]
    assert sorted(match[2] for match in found if match) == ["amd64", "arm64"]
    assert len({match[1] for match in found if match}) == 1
