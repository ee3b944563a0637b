"""The first record that differs, wherever it is, is the one that is named."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tradeplane_api.run import Part
from tradeplane_store.records import BLOCK_ROWS, table_digest
from tradeplane_workloads.replay.divergence import diverging_block, first_divergence
from tradeplane_workloads.replay.fields import FieldDifference

VALUES = st.lists(st.integers(0, 3), max_size=12)


def table(values: list[int], others: list[int] | None = None) -> pa.Table:
    return pa.table(
        {"order": pa.array(values, pa.int64()), "price": pa.array(others if others is not None else values, pa.int64())}
    )


def part(of: pa.Table) -> Part:
    digest, blocks = table_digest(of)
    return Part(name="events", rows=of.num_rows, digest=digest, blocks=blocks)


@given(VALUES, VALUES)
def test_it_is_the_first_place_where_the_two_lists_differ(ours: list[int], theirs: list[int]) -> None:
    found = first_divergence("events", table(ours), table(theirs))
    shared = next((row for row, (one, other) in enumerate(zip(ours, theirs, strict=False)) if one != other), None)
    expected = shared if shared is not None else (None if len(ours) == len(theirs) else min(len(ours), len(theirs)))
    assert (None if found is None else found.sequence) == expected


def test_each_field_that_differs_is_named_with_both_values() -> None:
    found = first_divergence("events", table([1, 2, 3], [7, 8, 9]), table([1, 2, 3], [7, 0, 0]))
    assert found is not None
    assert (found.part, found.sequence, found.fields) == ("events", 1, (FieldDifference("price", "8", "0"),))


@pytest.mark.parametrize(("ours", "theirs"), [([1, 2], [1]), ([1], [1, 2])])
def test_where_one_ends_the_record_itself_is_what_differs(ours: list[int], theirs: list[int]) -> None:
    found = first_divergence("events", table(ours), table(theirs))
    assert found is not None
    (field,) = found.fields
    assert (found.sequence, field.field) == (1, "record")
    assert (field.expected is None, field.got is None) == (len(ours) == 1, len(theirs) == 1)


def test_other_columns_are_named_as_such() -> None:
    found = first_divergence("events", table([1]), table([1]).drop_columns("price"))
    assert found is not None
    assert found.fields == (FieldDifference("columns", "order int64, price int64", "order int64"),)


def test_undefined_numbers_are_the_same_and_nulls_are_none() -> None:
    ours = pa.table({"value": pa.array([float("nan"), None, 1.0])})
    theirs = pa.table({"value": pa.array([float("nan"), 2.0, 1.0])})
    found = first_divergence("figures", ours, theirs)
    assert found is not None
    assert (found.sequence, found.fields) == (1, (FieldDifference("value", None, "2.0"),))
    assert first_divergence("figures", ours, ours) is None


def test_digests_of_blocks_say_where_to_look() -> None:
    ours = table(list(range(2 * BLOCK_ROWS + 5)))
    changed = list(range(2 * BLOCK_ROWS + 5))
    changed[BLOCK_ROWS + 3] = -1
    theirs = table(changed)
    block = diverging_block(part(ours), part(theirs))
    assert block == 1
    found = first_divergence("events", ours, theirs, block)
    assert found is not None
    assert found.sequence == BLOCK_ROWS + 3
    assert diverging_block(part(ours), part(ours)) is None


def test_a_difference_before_the_block_given_is_not_looked_for() -> None:
    ours, theirs = table([1, *range(BLOCK_ROWS)]), table([2, *range(BLOCK_ROWS)])
    assert first_divergence("events", ours, theirs, 1) is None
