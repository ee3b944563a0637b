"""What an image may be called, weigh and be recorded as, and what the Containerfiles promise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tradeplane_stacks.images.__main__ import main, platforms
from tradeplane_stacks.images.assembly import check_registry, check_weight
from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.record import REFERENCES, read_references, write_record
from tradeplane_stacks.images.settings import CHECKOUT, IMAGES
from tradeplane_stacks.images.wheels import forget_path, rustc_for

_REFERENCE = "10.88.0.2:5000/tradeplane/operator@sha256:" + "ab" * 32
_ENTRYPOINTS = {
    "operator": ["/usr/bin/python3", "-m", "tradeplane_operator"],
    "workloads": ["/usr/bin/python3", "-m", "tradeplane_workloads.runner"],
}


@pytest.mark.parametrize("name", sorted(IMAGES))
def test_a_containerfile_runs_nothing_and_ends_as_an_ordinary_user(name: str) -> None:
    lines = (CHECKOUT / IMAGES[name].containerfile).read_text().splitlines()
    said = dict(line.split(" ", 1) for line in lines if line[:1].isupper() and " " in line)
    assert "RUN" not in said
    assert "ADD" not in said
    assert said["USER"] == "65532:65532"
    assert json.loads(said["ENTRYPOINT"]) == _ENTRYPOINTS[name]


@pytest.mark.parametrize("registry", ["10.88.0.2:5000", "registry.example", "ghcr.io/an-owner"])
def test_a_registry_is_taken_as_references_name_it(registry: str) -> None:
    assert check_registry(registry) == registry


@pytest.mark.parametrize("registry", ["", "https://registry.example", "registry:port", "a b", "x@sha256:00", "--help"])
def test_what_names_no_registry_is_refused(registry: str) -> None:
    with pytest.raises(ImageError, match="HOST:PORT"):
        check_registry(registry)


def test_an_image_may_weigh_its_limit_and_no_byte_more() -> None:
    limit = IMAGES["operator"].max_bytes
    check_weight(IMAGES["operator"], "arm64", limit)
    with pytest.raises(ImageError, match=r"operator image for arm64 weighs 250,000,001"):
        check_weight(IMAGES["operator"], "arm64", limit + 1)


def test_platforms_are_put_in_the_order_of_the_index() -> None:
    assert platforms("linux/arm64,linux/amd64") == ("amd64", "arm64")
    assert platforms("arm64") == ("arm64",)


@pytest.mark.parametrize("asked", ["linux/s390x", "windows/amd64", ""])
def test_platforms_without_an_image_are_refused(asked: str) -> None:
    with pytest.raises(ImageError, match="choose among linux/amd64, linux/arm64"):
        platforms(asked)


def test_records_keep_what_they_held(tmp_path: Path) -> None:
    write_record(tmp_path / "build", REFERENCES, _REFERENCE, "operator")
    write_record(tmp_path / "build", REFERENCES, _REFERENCE, "workloads")
    assert read_references(tmp_path / "build") == {"operator": _REFERENCE, "workloads": _REFERENCE}


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (None, "push the images first"),
        ("{", "is not JSON"),
        ("[]", "something else"),
        (json.dumps({"operator": "registry/tradeplane/operator:latest"}), "something else"),
    ],
)
def test_a_record_that_names_no_images_by_digest_is_refused(tmp_path: Path, content: str | None, named: str) -> None:
    if content is not None:
        (tmp_path / REFERENCES).write_text(content)
    with pytest.raises(ImageError, match=named):
        read_references(tmp_path)


def test_no_compiler_for_a_target_is_an_error_with_remedies() -> None:
    with pytest.raises(ImageError, match=r"s390x.*rustup target add|While looking for.*s390x"):
        rustc_for("s390x-unknown-linux-gnu")


def test_the_path_of_the_sources_leaves_the_bill_of_materials(tmp_path: Path) -> None:
    bill = tmp_path / "x-1.dist-info/sboms/x.json"
    bill.parent.mkdir(parents=True)
    bill.write_text('{"bom-ref": "path+file:///home/a%20b/native#x@1"}')
    forget_path(tmp_path, Path("/home/a b/native"))
    assert bill.read_text() == '{"bom-ref": "path+file:///build#x@1"}'


def test_a_failure_is_one_line_of_error_and_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--platform", "linux/s390x"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: --platform linux/s390x")


@pytest.mark.parametrize("arguments", [[], ["make"], ["build", "--image", "other"]])
def test_what_is_asked_wrongly_is_status_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
