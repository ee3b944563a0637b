"""What parameters may be: whatever JSON carries exactly."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tradeplane_api.free_values import MAX_LEVELS, MAX_WHOLE, exact
from tradeplane_api.parity import WhatIf
from tradeplane_api.simulation import Algorithm
from tradeplane_store.canonical import canonical_json


def nested(levels: int) -> Any:
    """Return a value of so many levels."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (
            MAX_WHOLE + 1,
            "n is 9007199254740992, and JSON carries whole numbers up to 9007199254740991 alone; make it a",
        ),
        (-MAX_WHOLE - 1, "n is -9007199254740992"),
        ({"a": [0, {"b": 2**63}]}, r"n\.a\[1\]\.b is 9223372036854775808"),
        ("\ud800", "n has half of a character"),
        ({"\udfff": 1}, "n has half of a character"),
        (nested(MAX_LEVELS), f"n has more than {MAX_LEVELS} levels; give it fewer"),
        (nested(100_000), f"n has more than {MAX_LEVELS} levels"),
    ],
    ids=["whole", "negative", "within", "text", "name", "levels", "many levels"],
)
def test_what_json_does_not_carry_is_refused_by_its_name(value: Any, words: str) -> None:
    with pytest.raises(ValidationError, match=words) as refused:
        Algorithm(name="hold", parameters={"n": value})
    assert [error["loc"] for error in refused.value.errors()] == [("parameters",)]
    with pytest.raises(ValidationError, match=words):
        WhatIf(parameters={"n": value})


@pytest.mark.parametrize("value", [MAX_WHOLE, -MAX_WHOLE, 1e300, 0.1, True, None, "é", nested(MAX_LEVELS - 1), {}, []])
def test_what_it_does_carry_is_taken(value: Any) -> None:
    assert exact({"n": value}) == {"n": value}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**54), 2**54) | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=8,
    )
)  # fmt: skip
def test_what_is_taken_has_a_digest_and_what_is_not_has_none(value: Any) -> None:
    parameters = json.loads(json.dumps({"n": value}))
    try:
        exact(parameters)
    except Exception:
        with pytest.raises(ValueError, match="no canonical JSON form"):
            canonical_json(parameters)
    else:
        canonical_json(parameters)
