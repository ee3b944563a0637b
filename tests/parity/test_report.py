"""The report finds a digest that differs, names it, and writes a table that stays as it is."""

from __future__ import annotations

import pytest

from tests.parity.paths import PATHS, Outcome, outcome_of
from tests.parity.report import BEGIN, END, RATES, Report, documented, with_table

ONE, TWO, THREE = (path.name for path in PATHS[:3])
SAME = {"sma": "a" * 64, "ema": "b" * 64}
PAGE = f"# Parity\n\n{BEGIN}\nold\n{END}\n\nafter\n"


def report(second: dict[str, str], nanoseconds: dict[str, int] | None = None) -> Report:
    """Compare two paths; a third could not be run."""
    outcomes = {ONE: Outcome(SAME, {"sma": 200, "ema": 90}), TWO: Outcome(second, nanoseconds or {})}
    return Report(outcomes, {THREE: "it is not there"})


def test_equal_digests_are_identical() -> None:
    assert report(SAME).identical_fraction == 1.0
    assert report(SAME).differences() == []


def test_one_digest_that_differs_is_named() -> None:
    found = report({**SAME, "ema": "c" * 64})
    assert found.identical_fraction == 0.75
    assert found.differences() == [f"ema on {TWO}: {'c' * 64}, and {'b' * 64} on the first path"]
    assert found.compared("sma") == {ONE: True, TWO: True}
    assert [case["identical"] for case in found.document()["cases"]] == [True, False]  # type: ignore[attr-defined]
    assert "≠ `cccccccccccccccc`" in found.markdown()


def test_a_case_that_a_path_lacks_is_neither_same_nor_other() -> None:
    found = report({"sma": SAME["sma"]})
    assert found.identical_fraction == 1.0
    assert found.compared("ema") == {ONE: True}


def test_a_case_that_only_a_later_path_has_is_in_the_table() -> None:
    assert list(report({**SAME, "result": "d" * 64}).cases) == ["sma", "ema", "result"]


def test_the_table_says_what_could_not_be_run() -> None:
    assert "Not run when this table was written: it is not there." in report(SAME).markdown()
    assert report(SAME).document()["paths"][2]["why"] == "it is not there"  # type: ignore[index]


def test_throughput_is_over_the_first_path_and_not_in_the_table_of_digests() -> None:
    found = report(SAME, {"sma": 100, "ema": 90})
    assert found.throughput("sma") == {ONE: 1.0, TWO: 2.0}
    assert found.markdown() == report(SAME).markdown()
    assert found.rates().splitlines() == [
        f"| case | {ONE} | {TWO} |",
        "|---|--:|--:|",
        "| `sma` | 1.00 | 2.00 |",
        "| `ema` | 1.00 | 1.00 |",
    ]


def test_rates_stand_where_no_digest_is_read() -> None:
    page = with_table(f"{PAGE}\n{RATES[0]}\nold\n{RATES[1]}\n", report(SAME).markdown())
    timed = with_table(page, report(SAME, {"sma": 100, "ema": 90}).rates(), RATES)
    assert documented(timed) == documented(page)
    assert timed.partition(RATES[0])[0] == page.partition(RATES[0])[0]
    assert "| `sma` | 1.00 | 2.00 |" in timed
    with pytest.raises(ValueError, match="no place for the table; it needs the lines\n<!-- the rates"):
        with_table(PAGE, "table", RATES)


def test_a_table_replaces_the_one_before_and_is_read_back() -> None:
    page = with_table(PAGE, report(SAME).markdown())
    assert page.startswith("# Parity\n")
    assert page.endswith("\n\nafter\n")
    assert "old" not in page.splitlines()
    assert with_table(page, report(SAME).markdown()) == page
    assert documented(page) == {case: digest[:16] for case, digest in SAME.items()}


def test_of_two_times_the_shorter_counts() -> None:
    first = Outcome(SAME, {"sma": 20, "ema": 9}).with_times_of(Outcome(SAME, {"sma": 10, "ema": 11}))
    assert first == Outcome(SAME, {"sma": 10, "ema": 9})
    assert Outcome(SAME).with_times_of(first).nanoseconds == {"sma": 10, "ema": 9}


@pytest.mark.parametrize("page", ["", BEGIN, f"{END}", f"{END}\n{BEGIN}"])
def test_a_page_without_a_place_for_it_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="no place for the table"):
        with_table(page, "table")


def test_times_are_told_from_digests() -> None:
    found = outcome_of("sma aa\nsma.ns 17\nkelly.fills.count 5\n")
    assert found == Outcome({"sma": "aa", "kelly.fills.count": "5"}, {"sma": 17})
