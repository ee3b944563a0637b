"""YAML is read with lines, without surprises and within limits."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_cli.documents.yaml_text import MAX_BYTES, MAX_VALUES, read_documents
from tradeplane_cli.failures import CommandFailure, Problem


def read(text: str) -> Any:
    (source,) = read_documents(text.encode(), "a.yaml")
    return source.value


def refusal(text: str | bytes) -> Problem:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(CommandFailure) as caught:
        read_documents(data, "a.yaml")
    assert caught.value.code == 2
    (problem,) = caught.value.problems
    assert problem.file == "a.yaml"
    return problem


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-3", -3),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1.0", 1),
        ("1.0e+3", 1000),
        ("[1e3, -.5]", [1000, -0.5]),
        ("1.5e-7", 1.5e-7),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ('"12"', "12"),
        ("'no'", "no"),
        ("!!str 12", "12"),
        ("2020-01-02", "2020-01-02"),
        ("sha256:ab", "sha256:ab"),
        ("1.2.3", "1.2.3"),
        ("12abc", "12abc"),
    ],
)
def test_scalars_have_the_type_the_api_server_would_see(text: str, value: object) -> None:
    found = read(f"a: {text}")
    assert found == {"a": value}
    assert type(found["a"]) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "Yes",
        "on",
        "OFF",
        "y",
        "012",
        "0x1F",
        "0o17",
        "0b11",
        "1_000",
        "12:30",
        ".inf",
        "-.inf",
        ".nan",
        "1e3",
        "0E0",
        "-.5",
    ],
)
def test_scalars_that_readers_disagree_about_are_refused_with_their_line(text: str) -> None:
    problem = refusal(f"first: 1\nsecond:\n  third: {text}\n")
    assert problem.line == 3
    assert text in problem.message
    assert f'"{text}"' in (problem.remedy or "")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "twice"),
        ("spec:\n  a: 1\n  a: 1\n", 3, "line 2"),
        ("a: !!python/object/apply:os.system [echo]\n", 1, "tag"),
        ("a: !!int 3\n", 1, "tag"),
        ("a: !custom {b: 1}\n", 1, "tag"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", 3, "merge"),
        ("1: a\n", 1, "not a string"),
        ("? [a, b]\n: c\n", 1, "key"),
        ("a: [1, 2\nb: 3\n", 2, "not YAML"),
        ("a:\n\t- b\n", 2, "not YAML"),
        ("a: 123456789012345678901234567890\n", 1, "too large"),
        ("{a: 1e999}\n", 1, "too large"),
    ],
)
def test_what_is_not_accepted_is_refused_at_its_line(text: str, line: int, words: str) -> None:
    problem = refusal(text)
    assert problem.line == line
    assert words in problem.message


def test_text_that_is_not_utf8_is_refused_at_its_line() -> None:
    assert refusal(b"a: 1\nb: \xff\n").line == 2


def test_a_file_beyond_the_size_limit_is_refused() -> None:
    assert "larger" in refusal(b"#" * (MAX_BYTES + 1)).message


def test_aliases_that_unfold_without_end_are_refused() -> None:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    problem = refusal("a0: &a0 [x]\n" + "\n".join(levels))
    assert f"{MAX_VALUES:,}" in problem.message


def test_an_alias_of_itself_is_refused() -> None:
    assert "deeper" in refusal("a: &a [*a]").message


@pytest.mark.parametrize("depth", [100, 5_000])
def test_nesting_beyond_the_limit_is_refused(depth: int) -> None:
    assert "deeper" in refusal("a: " + "[" * depth + "]" * depth).message


def test_plain_aliases_are_unfolded() -> None:
    assert read("a: &x [1]\nb: *x") == {"a": [1], "b": [1]}


def test_documents_have_their_own_lines_and_empty_ones_are_left_out() -> None:
    first, second = read_documents(b"a: 1\n---\n---\nb:\n  - c: 2\n", "a.yaml")
    assert (first.line(("a",)), second.line(("b", 0, "c"))) == (1, 5)


def test_a_missing_path_has_the_line_of_its_parent() -> None:
    (source,) = read_documents(b"a:\n  b: 1\n", "a.yaml")
    assert source.line(("a", "missing", 3)) == 1


texts = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), max_size=8)
"""Text without what YAML cannot carry unescaped: control characters and Unicode's own line breaks."""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(texts, json_values, min_size=1, max_size=4))
def test_json_is_read_as_json(value: dict[str, object]) -> None:
    """JSON is YAML, and what a program writes must come back as it was."""
    text = json.dumps(value, ensure_ascii=False)
    assert _integral_floats_as_integers(value) == read(text)


@given(st.dictionaries(st.text("abcxyz", min_size=2, max_size=8), json_values, min_size=1, max_size=4))
def test_what_pyyaml_writes_is_read_or_refused_but_never_changed(value: dict[str, object]) -> None:
    try:
        found = read(yaml.safe_dump(value))
    except CommandFailure:
        return
    assert found == _integral_floats_as_integers(value)


def _integral_floats_as_integers(value: object) -> object:
    if isinstance(value, dict):
        return {key: _integral_floats_as_integers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_integral_floats_as_integers(inner) for inner in value]
    if isinstance(value, float) and value.is_integer() and not math.isinf(value):
        return int(value)
    return value
