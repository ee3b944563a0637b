from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_store import layout
from tradeplane_store.errors import InvalidPath
from tradeplane_store.names import MAX_NAME_BYTES, checked_folder, checked_name

DIGEST = "sha256:" + "0f" * 32


@pytest.mark.parametrize(
    "name",
    ["a", "results/r-1.2/manifest.json", "snapshots/0f/bars-0.arrow", "A_b/..c".replace("..c", "c..d"), "a" * 255],
)
def test_plain_names_are_taken_as_they_are(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "..",
        "../x",
        "a/../b",
        "a/./b",
        "a//b",
        "a/",
        ".hidden",
        "a/.hidden",
        "-rf",
        "a\\b",
        "a b",
        "a\nb",
        "a\0b",
        "é",
        "a%2e%2e",
        "a?b",
        "a" * 256,
        "a/" * (MAX_NAME_BYTES // 2) + "a",
    ],
)
def test_anything_else_is_refused_with_a_remedy(name: str) -> None:
    with pytest.raises(InvalidPath, match="use"):
        checked_name(name)


@given(st.text(max_size=40))
def test_no_name_that_passes_leads_out_of_its_store(name: str) -> None:
    try:
        segments = checked_name(name).split("/")
    except InvalidPath:
        return
    assert all(segment and not segment.startswith(".") and "\\" not in segment for segment in segments)


def test_a_folder_may_end_with_a_slash_and_be_the_whole_store() -> None:
    assert checked_folder("results/") == "results"
    assert checked_folder("") == ""
    with pytest.raises(InvalidPath):
        checked_folder("..")


def test_every_name_of_the_layout_is_an_object_name() -> None:
    names = [
        layout.snapshot_manifest(DIGEST),
        layout.snapshot_part(DIGEST, "bars-0"),
        layout.results_manifest("macd-1.x"),
        layout.results_part("r", "equity"),
        layout.results_summary("r"),
        layout.results_log("r", "r-x7f2"),
    ]
    assert [checked_name(name) for name in names] == names
