"""The demo attests its images with its key, by the command, and leaves the key nowhere."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
import yaml
from tradeplane_evidence.registry.client import Registry
from tradeplane_stacks.demo import evidence
from tradeplane_stacks.demo.errors import DemoError
from tradeplane_stacks.demo.image_evidence import attest_images
from tradeplane_stacks.demo.programs import Kubectl
from tradeplane_stacks.demo.scenario import tradeplane
from tradeplane_store.canonical import canonical_json

from tests.integration.evidence.watched_keys import WatchedKeys
from tests.unit.evidence import sample_images, sample_runs

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_api.image_build import ImageBuild

    from tests.integration.evidence.conftest import Cosign


def pem(folder: Path) -> bytes:
    return sample_runs.key_file(folder).read_bytes()


async def pushed(host: str, repository: str) -> str:
    image = sample_images.image()
    async with Registry(host, plain_http=True) as registry:
        await image.push(registry, repository)
    return f"{host}/{repository}@{image.digest}"


def records(folder: Path, build: ImageBuild | None = None) -> Path:
    record = build or sample_images.build()
    for one in record.platforms:
        (folder / one.sbom.file).write_bytes(sample_images.sboms()[one.platform])
    (folder / "workloads.build.json").write_bytes(canonical_json(record))
    return folder


async def test_images_are_attested_with_the_key_of_the_cluster(olareg: str, cosign: Cosign, tmp_path: Path) -> None:
    reference = await pushed(olareg, "demo/workloads")
    told: list[str] = []
    command = WatchedKeys()
    attest_images({"workloads": reference}, records(tmp_path), pem(tmp_path), command, told.append, plain_http=True)
    assert (len(command.keys), command.left) == (1, [])
    assert reference in told[0]
    public = tmp_path / "key.pub"
    public.write_text(sample_runs.signer_in(tmp_path).public_key.pem())
    for kind in ("slsaprovenance1", "cyclonedx"):
        asked = ("verify-attestation", "--key", public, "--insecure-ignore-tlog", "--type", kind)
        done = cosign(*asked, reference)
        assert done.returncode == 0, done.stderr


async def test_an_image_of_no_checkout_of_git_is_left_out_and_that_is_said(olareg: str, tmp_path: Path) -> None:
    reference = await pushed(olareg, "demo/unknown")
    told: list[str] = []
    folder = records(tmp_path, sample_images.build().model_copy(update={"source": None}))

    def command(*_: str) -> str:
        raise AssertionError("nothing is signed")

    attest_images({"workloads": reference}, folder, pem(tmp_path), command, told.append, plain_http=True)
    assert "names no sources" in told[0]


async def test_what_is_refused_is_an_error_of_the_demo(olareg: str, tmp_path: Path) -> None:
    reference = await pushed(olareg, "demo/refused")
    folder = records(tmp_path, sample_images.build(digest="sha256:" + "ab" * 32))
    with pytest.raises(DemoError, match="the record of another build"):
        attest_images({"workloads": reference}, folder, pem(tmp_path), tradeplane, list[str]().append, plain_http=True)


def test_the_key_is_the_one_in_the_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "SIGNING", tmp_path / "signing")
    key = pem(tmp_path)
    secret = {"data": {"key.pem": base64.b64encode(key).decode()}}
    answer = tmp_path / "secret.yaml"
    answer.write_text(yaml.safe_dump(secret))
    program = tmp_path / "kubectl"
    asked = "get secret tradeplane-signing-key -n here --ignore-not-found -o yaml"
    program.write_text(f'#!/bin/sh\ntest "$*" = "{asked}" && cat {answer}\n')
    program.chmod(0o755)
    assert evidence.provide_key(Kubectl(program, None), "here", list[str]().append) == key
    fingerprint, public = evidence.public_half(key)
    assert evidence.public_key_file(fingerprint).read_bytes() == public
