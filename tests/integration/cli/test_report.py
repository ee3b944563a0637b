"""What a report shows agrees with the tables it was made from, and the page is closed to the world."""

from __future__ import annotations

import html
import json
import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tradeplane_cli.report.contents import MAX_ROWS, contents
from tradeplane_cli.report.page import page
from tradeplane_cli.report.series import Line, drawdown, period_returns, thinned
from tradeplane_cli.report.wording import UNDEFINED, day, moment, number, percent, period

from tests.unit.cli.sample_results import HOSTILE, bars, equity_table, manifest, sample, trades_table

levels = arrays(np.float64, st.integers(1, 300), elements=st.floats(1, 1e9))


@given(levels, st.integers(4, 50))
def test_thinning_keeps_ends_extremes_and_order(values: np.ndarray, points: int) -> None:
    time = np.arange(values.size).astype("datetime64[ns]")
    thin = thinned(Line(time, values), points)
    assert thin.value.size <= max(points, 4)
    assert thin.value[0] == values[0]
    assert thin.value[-1] == values[-1]
    assert thin.value.min() == values.min()
    assert thin.value.max() == values.max()
    assert (np.diff(thin.time.astype(np.int64)) > 0).all()
    assert (values[thin.time.astype(np.int64)] == thin.value).all()


@given(levels, st.floats(1, 1e9))
def test_drawdown_is_the_loss_from_the_highest_so_far(values: np.ndarray, start: float) -> None:
    found = drawdown(values, start)
    peak = start
    for value, loss in zip(values.tolist(), found.tolist(), strict=True):
        peak = max(peak, value)
        assert loss == pytest.approx(value / peak - 1, abs=1e-12)


@given(arrays(np.float64, st.integers(1, 900), elements=st.floats(1, 1e6)), st.floats(1, 1e6))
def test_monthly_returns_compound_to_the_yearly_and_to_the_total(values: np.ndarray, start: float) -> None:
    time = np.datetime64("2019-11-20", "ns") + np.arange(values.size).astype("timedelta64[D]")
    returns = period_returns(time, values, start)
    for months, year in zip(returns.monthly, returns.yearly.tolist(), strict=True):
        assert math.prod((1 + months[~np.isnan(months)]).tolist()) == pytest.approx(1 + year, rel=1e-9)
    assert start * math.prod((1 + returns.yearly).tolist()) == pytest.approx(values[-1], rel=1e-9)


def test_a_month_after_ruin_has_no_return() -> None:
    time = np.array(["2020-01-31", "2020-02-28", "2020-03-31"], dtype="datetime64[ns]")
    returns = period_returns(time, np.array([100.0, -5.0, 10.0]), 100.0)
    assert returns.monthly[0, :2].tolist() == pytest.approx([0.0, -1.05])
    assert math.isnan(returns.monthly[0, 2])


def test_months_without_a_bar_are_empty_and_the_next_carries_the_change() -> None:
    time = np.array(["2019-12-31", "2020-03-31"], dtype="datetime64[ns]")
    returns = period_returns(time, np.array([100.0, 150.0]), 100.0)
    assert returns.years == (2019, 2020)
    assert returns.monthly[1, 2] == pytest.approx(0.5)
    assert np.isnan(returns.monthly[1, [0, 1]]).all()


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (percent("0.05125"), "5.12%"),
        (percent("-0.000001"), "0.00%"),
        (percent(None), UNDEFINED),
        (number("1234567.891"), "1,234,567.89"),
        (number("-0.001"), "0.00"),
        (moment("2020-01-02T00:00:00Z"), "2020-01-02"),
        (moment("2020-01-02T21:00:00.000000000Z"), "2020-01-02 21:00"),
        (moment("2020-01-02T21:00:30.250000000Z"), "2020-01-02 21:00:30.25"),
        (moment(None), UNDEFINED),
        (day("2020-01-02T21:00:00Z"), "2020-01-02"),
        (period("2020-01-02T21:00:00Z", "2020-01-05T21:00:00Z", 4), "2020-01-02 to 2020-01-05"),
        (period("2020-01-02T21:00:00Z", "2020-01-05T21:00:00Z", 5), "2020-01-02 21:00 to 2020-01-05 21:00"),
    ],
)
def test_figures_read_as_people_write_them(shown: str, expected: str) -> None:
    assert shown == expected


def figures(page_text: str) -> dict[str, Any]:
    (embedded,) = re.findall(r'<script id="figures" type="application/json">(.*?)</script>', page_text, re.DOTALL)
    return dict(json.loads(embedded)["figures"])


def test_the_page_is_the_same_bytes_for_the_same_results() -> None:
    assert page(sample()) == page(sample())


def test_text_from_a_result_stays_text() -> None:
    text = page(sample())
    assert HOSTILE not in text
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in text


def test_the_page_forbids_itself_every_request() -> None:
    (escaped,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page(sample()))
    policy = html.unescape(escaped)
    directives = {name: rest for name, _, rest in (part.strip().partition(" ") for part in policy.split(";"))}
    assert directives["default-src"] == "'none'"
    assert "unsafe" not in directives["script-src"]
    assert not {"connect-src", "font-src", "frame-src", "media-src"} & set(directives)


def test_each_instrument_has_a_figure_with_all_its_fills() -> None:
    shown = sample(symbols=("SPX", "NDX", "DJI"))
    drawn = figures(page(shown))["prices"]
    assert len(drawn) == 3
    markers = sum(
        len(trace["customdata"]) for figure in drawn for trace in figure["data"] if trace["mode"] == "markers"
    )
    assert markers == shown.trades.num_rows


def test_without_bars_the_fills_are_drawn_and_the_page_says_why() -> None:
    text = page(sample(with_bars=False))
    assert "Prices are not drawn: the snapshot is not in this store" in text
    names = [trace["name"] for trace in figures(text)["prices"][0]["data"]]
    assert "Close" not in names
    assert {"Buys", "Sells"} <= set(names)


@pytest.mark.parametrize("with_bars", [True, False])
def test_a_run_without_trades_has_a_report(with_bars: bool) -> None:
    market = bars(30, ("SPX",))
    none = trades_table(market).slice(0, 0)
    text = page(contents(manifest(0), equity_table(market), none, market if with_bars else None, None))
    assert len(figures(text)["prices"]) == int(with_bars)
    assert ("The run made no trades" in text) is not with_bars


def test_a_table_cut_short_says_so() -> None:
    text = page(sample(count=(MAX_ROWS + 20) * 25, symbols=("SPX",)))
    assert f"the newest {MAX_ROWS:,} of {MAX_ROWS + 20:,}" in text
    assert text.count("<tr><td>") == MAX_ROWS
