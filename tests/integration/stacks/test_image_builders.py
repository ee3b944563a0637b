"""What is asked of docker buildx and of podman, which the images of the tests from end to end are not built by.

Stand-ins note how they are called and answer as the programs do; buildah, which has podman's command line, builds the
real images there.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from tradeplane_stacks.images.builders import BuildRequest, Buildx, Containers
from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.settings import SOURCE_DATE_EPOCH

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "sha256:" + "5" * 64
TAG = "tradeplane/operator:0123456789abcdef"
_BUILDX = f"""\
for word; do case "$word" in
--metadata-file=*) file="${{word#*=}}";;
--output=type=cacheonly) quiet=1;;
esac; done
if [ -n "$quiet" ]; then echo '{{}}' > "$file"; else echo '{{"containerimage.digest": "{DIGEST}"}}' > "$file"; fi
echo "epoch $SOURCE_DATE_EPOCH" >> "$CALLS"
"""
_PODMAN = f"""\
case "$*" in *" manifest rm "*) echo 'no such manifest' >&2; exit 1;; esac
for word; do case "$word" in
--iidfile=*) printf 'sha256:image' > "${{word#*=}}";;
--digestfile=*) printf '{DIGEST}\\n' > "${{word#*=}}";;
esac; done
echo '{{"manifests": [1, 2]}}'
"""


class Program:
    """A stand-in on PATH, and how it was called."""

    def __init__(self, folder: Path, name: str, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = folder / "calls"
        self.path = folder / "bin" / name
        self.path.parent.mkdir()
        self.answer(body)
        monkeypatch.setenv("PATH", f"{self.path.parent}:{os.defpath}")
        monkeypatch.setenv("CALLS", str(self.calls))

    def answer(self, body: str) -> None:
        self.path.write_text(f'#!/bin/sh\necho "$*" >> "$CALLS"\n{body}\n', encoding="utf-8")
        self.path.chmod(0o755)

    def asked(self) -> list[str]:
        """Return the calls since this was last asked for."""
        calls = self.calls.read_text(encoding="utf-8").splitlines() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return calls


@pytest.fixture
def request_of(tmp_path: Path) -> BuildRequest:
    """Ask for an image for both processors."""
    return BuildRequest(TAG, tmp_path / "context", ("amd64", "arm64"), {"BASE": "scratch", "APP": "x"})


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    return Program(tmp_path, "docker", _BUILDX, monkeypatch)


def _podman(folder: Path, version: str) -> Containers:
    return Containers("podman", version, folder / "storage")


def test_buildx_builds_both_processors_once_and_with_a_fixed_date(
    docker: Program, request_of: BuildRequest, tmp_path: Path
) -> None:
    builder = Buildx("v0.16.0", tmp_path / "marks")
    assert not builder.has(request_of)
    builder.build(request_of)
    assert builder.has(request_of)
    build, epoch = docker.asked()
    words = build.split()
    assert words[:2] == ["buildx", "build"]
    assert {"--platform=linux/amd64,linux/arm64", "--output=type=cacheonly"} <= set(words)
    assert {"--provenance=false", "--sbom=false"} <= set(words), "either would be in the index, with the time of day"
    assert {"--build-arg=APP=x", "--build-arg=BASE=scratch"} <= set(words)
    assert epoch == f"epoch {SOURCE_DATE_EPOCH}"


@pytest.mark.parametrize("plain_http", [False, True])
def test_buildx_pushes_an_index_of_oci_and_tells_its_digest(
    docker: Program, request_of: BuildRequest, tmp_path: Path, plain_http: bool
) -> None:
    builder = Buildx("v0.16.0", tmp_path / "marks")
    assert builder.push(request_of, "localhost:5001/tradeplane/operator", plain_http=plain_http) == DIGEST
    (output,) = (word for word in docker.asked()[0].split() if word.startswith("--output="))
    fields = output.removeprefix("--output=").split(",")
    assert {"type=image", "push=true", "oci-mediatypes=true", "rewrite-timestamp=true"} <= set(fields)
    assert "name=localhost:5001/tradeplane/operator:0123456789abcdef" in fields
    assert ("registry.insecure=true" in fields) is plain_http


def test_buildx_writes_a_layout(docker: Program, request_of: BuildRequest, tmp_path: Path) -> None:
    assert Buildx("v0.16.0", tmp_path / "marks").export(request_of, tmp_path / "layout") == DIGEST
    output = f"--output=type=oci,dest={tmp_path / 'layout'},tar=false,rewrite-timestamp=true"
    assert output in docker.asked()[0].split()


def test_what_buildx_put_out_without_a_digest_is_referred_to_by_nobody(
    docker: Program, request_of: BuildRequest, tmp_path: Path
) -> None:
    docker.answer(_BUILDX.replace("containerimage.digest", "containerimage.config.digest"))
    builder = Buildx("v0.16.0", tmp_path / "marks")
    with pytest.raises(ImageError, match=r"says no digest.*docker buildx create --driver docker-container"):
        builder.push(request_of, "registry.example/tradeplane/operator", plain_http=False)
    with pytest.raises(ImageError, match="says no digest"):
        builder.export(request_of, tmp_path / "layout")


def test_a_build_that_fails_is_not_remembered_and_said_in_its_words(
    docker: Program, request_of: BuildRequest, tmp_path: Path
) -> None:
    docker.answer("echo 'Multi-platform build is not supported for the docker driver.' >&2; exit 1")
    builder = Buildx("v0.16.0", tmp_path / "marks")
    with pytest.raises(ImageError, match=r"(?s)While building .*Multi-platform build is not supported"):
        builder.build(request_of)
    assert not builder.has(request_of)


@pytest.mark.parametrize(("version", "labels"), [("4.3.1", False), ("4.4.0", True), ("5.0.0", True)])
def test_podman_builds_each_processor_and_the_index_of_them(
    tmp_path: Path, request_of: BuildRequest, monkeypatch: pytest.MonkeyPatch, version: str, labels: bool
) -> None:
    """From 4.4 on it can leave out a label that names the version of its library, and so gives another digest."""
    podman = Program(tmp_path, "podman", _PODMAN, monkeypatch)
    builder = _podman(tmp_path, version)
    builder.build(request_of)
    calls = podman.asked()
    builds = [call.split() for call in calls if " build " in call]
    assert [next(word for word in words if word.startswith("--platform=")) for words in builds] == [
        "--platform=linux/amd64",
        "--platform=linux/arm64",
    ]
    assert all(f"--timestamp={SOURCE_DATE_EPOCH}" in words for words in builds)
    assert all(("--identity-label=false" in words) is labels for words in builds)
    assert all(call.startswith(f"--root {tmp_path}/storage/images ") for call in calls), "none of the machine's"
    assert [call.split(" manifest ")[1].split()[0] for call in calls if " manifest " in call] == [
        *("rm", "create", "add", "add"),
    ]
    assert builder.has(request_of)


def test_podman_pushes_all_of_an_index_and_tells_its_digest(
    tmp_path: Path, request_of: BuildRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    podman = Program(tmp_path, "podman", _PODMAN, monkeypatch)
    pushed = _podman(tmp_path, "4.9.3").push(request_of, "registry.example/tradeplane/operator", plain_http=False)
    assert pushed == DIGEST
    words = podman.asked()[0].split()
    assert {"--all", "--format=oci", "--tls-verify=true"} <= set(words)
    assert words[-2:] == [f"localhost/{TAG}", "docker://registry.example/tradeplane/operator:0123456789abcdef"]
