"""The images themselves: the same twice, for two processors, small, without a shell, and able to start."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.images.contents import Preparation
from tradeplane_stacks.images.settings import ARCHITECTURES, cache_directory
from tradeplane_stacks.local.binaries import REGISTRY, Binaries

from tests.e2e.images.another_checkout import CHECKOUT, RECORDS
from tests.e2e.images.conftest import images
from tests.e2e.images.layouts import index_digest, read, variants
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.images.another_checkout import Build

_NAMES = ("operator", "workloads")
_PLATFORMS = ("linux/amd64", "linux/arm64")
_MOST_BYTES = {"operator": 250_000_000, "workloads": 450_000_000}
_IMPORTS = {
    "operator": "kopf, aiohttp, prometheus_client, obstore, yaml, tradeplane_operator",
    "workloads": "pyarrow.parquet, pyarrow.dataset, pyarrow.compute, pyarrow.csv, numpy, obstore, "
    "tradeplane_native, tradeplane_workloads",
}
_STANDARD_LIBRARY = """
import importlib, os, pathlib, platform, ssl, zoneinfo
for module in sorted(pathlib.Path("/usr/lib/python3.11/lib-dynload").glob("*.so")):
    importlib.import_module(module.name.split(".")[0])
assert ssl.create_default_context().cert_store_stats()["x509_ca"] > 100
zoneinfo.ZoneInfo("America/New_York")
print(platform.machine(), os.getuid())
"""
_LIMIT_S = 300
_DESCRIBED = re.compile(r"app/(.+)-[^-/]+\.dist-info/METADATA$")
_PACKAGE = re.compile(r"var/lib/dpkg/status\.d/")


def start(root: Path, image: str, on: str, code: str) -> subprocess.CompletedProcess[str]:
    """Run Python in an image's root, as its configuration says: same variables, same user; emulated where needed."""
    configuration = variants(root.parent / "layouts" / image)[on].configuration["config"]
    machine = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}[on]
    emulator = []
    if machine != platform.machine():
        shutil.copy(f"/usr/bin/qemu-{machine}-static", root / "emulator")
        emulator = ["/emulator"]
    variables = dict(pair.split("=", 1) for pair in configuration["Env"])
    return subprocess.run(
        ["/usr/sbin/chroot", f"--userspec={configuration['User']}", root, *emulator, "/usr/bin/python3", "-c", code],
        env=variables,
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )


@pytest.fixture(scope="module", params=[(image, on) for image in _NAMES for on in _PLATFORMS], ids=" ".join)
def root(
    request: pytest.FixtureRequest, layouts: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str, Path]]:
    """Image, platform and an unpacked root."""
    image, on = request.param
    directory = tmp_path_factory.mktemp("root")
    (directory / "layouts").symlink_to(layouts)
    yield image, on, variants(layouts / image)[on].unpack(directory / "root")
    shutil.rmtree(directory / "root")


@pytest.mark.parametrize("image", _NAMES)
def test_two_checkouts_give_one_digest(layouts: Path, layouts_of_another_checkout: Path, image: str) -> None:
    assert index_digest(layouts / image) == index_digest(layouts_of_another_checkout / image)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_two_checkouts_give_one_wheel_of_the_rust_core(
    layouts: Path, layouts_of_another_checkout: Path, build_of_another_checkout: Build, architecture: str
) -> None:
    """It is the one that a release publishes."""
    ours = Preparation(cache_directory(), print).native_wheel(architecture)
    theirs = build_of_another_checkout.directory / "cache/images/native" / ours.parent.name / ours.name
    assert ours.read_bytes() == theirs.read_bytes()


def sbom(layouts: Path, image: str, on: str) -> bytes:
    return (layouts / RECORDS / f"{image}.{on.replace('/', '-')}.cdx.json").read_bytes()


@pytest.mark.parametrize("on", _PLATFORMS)
@pytest.mark.parametrize("image", _NAMES)
def test_two_checkouts_list_the_same(layouts: Path, layouts_of_another_checkout: Path, image: str, on: str) -> None:
    assert sbom(layouts, image, on) == sbom(layouts_of_another_checkout, image, on)


@pytest.mark.parametrize("on", _PLATFORMS)
@pytest.mark.parametrize("image", _NAMES)
def test_what_is_listed_is_what_is_there(layouts: Path, image: str, on: str) -> None:
    members = variants(layouts / image)[on].members
    described = {re.sub(r"[-_.]+", "-", one[1]).lower() for name in members if (one := _DESCRIBED.match(name))}
    packages = {name.rpartition("/")[2] for name, one in members.items() if one.isfile() and _PACKAGE.match(name)}
    listed = [one for one in json.loads(sbom(layouts, image, on))["components"] if one["type"] == "library"]
    named = {(one["name"], one.get("purl", "").partition("/")[0]) for one in listed}
    assert described
    assert packages
    assert described <= {name for name, kind in named if kind in {"pkg:pypi", ""}}
    assert {name for name, kind in named if kind == "pkg:pypi"} <= described
    assert {name for name, kind in named if kind == "pkg:deb"} == packages


@pytest.mark.parametrize("image", _NAMES)
def test_the_record_is_of_the_image(layouts: Path, image: str) -> None:
    record = json.loads((layouts / RECORDS / f"{image}.build.json").read_bytes())
    assert record["digest"] == index_digest(layouts / image)
    for one in record["platforms"]:
        digest = hashlib.sha256(sbom(layouts, image, one["platform"])).hexdigest()
        assert one["sbom"]["digest"] == f"sha256:{digest}"


@pytest.mark.parametrize("image", _NAMES)
def test_an_image_is_one_index_of_both_platforms(layouts: Path, image: str) -> None:
    found = variants(layouts / image)
    assert tuple(found) == _PLATFORMS
    for on, variant in found.items():
        configuration = variant.configuration
        assert f"{configuration['os']}/{configuration['architecture']}" == on
        assert configuration["config"]["User"] == "65532:65532"
        assert configuration["config"]["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


@pytest.mark.parametrize("on", _PLATFORMS)
@pytest.mark.parametrize("image", _NAMES)
def test_an_image_holds_no_more_than_it_may(layouts: Path, image: str, on: str) -> None:
    members = variants(layouts / image)[on].members
    assert sum(member.size for member in members.values()) < _MOST_BYTES[image]
    programs = {name for name in members if name.startswith(("usr/bin/", "usr/sbin/", "app/bin/"))}
    assert programs == {"usr/bin/python3", "usr/bin/python3.11"}
    assert {(member.uid, member.gid) for member in members.values()} == {(0, 0)}
    assert not [name for name, member in members.items() if member.mode & 0o6000]
    assert [name for name, member in members.items() if member.mode & 0o002 and not member.issym()] == ["tmp"]
    assert len({member.mtime for member in members.values()}) == 1


def test_both_images_share_their_base(layouts: Path) -> None:
    for on in _PLATFORMS:
        first, second = (variants(layouts / image)[on].manifest["layers"] for image in _NAMES)
        assert first[0] == second[0]


@pytest.mark.parametrize("on", _PLATFORMS)
def test_the_operator_carries_no_numerics(layouts: Path, on: str) -> None:
    packages = {name.split("/")[1] for name in variants(layouts / "operator")[on].members if name.startswith("app/")}
    assert packages.isdisjoint({"numpy", "pyarrow", "tradeplane_workloads", "tradeplane_native"})


def test_programs_start_in_an_image(root: tuple[str, str, Path]) -> None:
    image, on, directory = root
    done = start(directory, image, on, f"import {_IMPORTS[image]}")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_standard_library_is_whole_in_an_image(root: tuple[str, str, Path]) -> None:
    image, on, directory = root
    done = start(directory, image, on, _STANDARD_LIBRARY)
    machine = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}[on]
    assert (done.stdout, done.stderr) == (f"{machine} 65532\n", "")


def test_everything_is_compiled_ahead_in_an_image(root: tuple[str, str, Path]) -> None:
    image, _, directory = root
    compiled = {path.parent.parent / f"{path.name.split('.')[0]}.py" for path in directory.rglob("__pycache__/*.pyc")}
    sources = {path for place in ("app", "usr/lib/python3.11") for path in (directory / place).rglob("*.py")}
    assert len(sources) > 500, image
    assert sorted(sources - compiled) == []


def await_listener(port: int) -> None:
    """Wait until something listens on a port of this machine, a minute at most."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    pytest.fail("the registry did not listen within 60 s")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """Start an empty registry; give its host and port."""
    program = Binaries.of_user().build((REGISTRY,), print)[REGISTRY]
    port = free_port()
    command = [str(program), "serve", "--addr", "127.0.0.1", "--port", str(port), "--dir", str(tmp_path / "registry")]
    with (tmp_path / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        await_listener(port)
        yield f"127.0.0.1:{port}"
        process.terminate()


def test_what_is_pushed_is_what_was_exported_and_recorded_by_digest(
    layouts: Path, registry: str, tmp_path: Path
) -> None:
    where = ("--plain-http", "--registry", registry, "--records", str(tmp_path))
    printed = images(CHECKOUT, "push", "--image", "operator", *where)
    digest = index_digest(layouts / "operator")
    reference = f"{registry}/tradeplane/operator@{digest}"
    assert printed == f"operator {reference}\n"
    assert json.loads((tmp_path / "images.json").read_text())["operator"] == reference
    request = urllib.request.Request(
        f"http://{registry}/v2/tradeplane/operator/manifests/{digest}",
        headers={"Accept": "application/vnd.oci.image.index.v1+json"},
    )
    with urllib.request.urlopen(request, timeout=_LIMIT_S) as answer:  # noqa: S310 -- the registry above
        assert json.loads(answer.read()) == read(layouts / "operator", digest)
