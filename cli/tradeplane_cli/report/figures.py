"""The figures of a report, as Plotly describes them.

Lines have colours that stand out on white and on near-black alike; what must change with the reader's theme (text,
grid, the middle of the heatmap's scale) is in two templates, between which the page chooses when it is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from tradeplane_cli.report.series import Line, PeriodReturns, drawdown, thinned

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tradeplane_cli.report.contents import Fills, Prices

EQUITY = "#3b82c4"
PRICE = "#8a8f98"
LOSS = "#d1495b"
BUY = "#12947f"
SELL = "#e07a1f"

MAX_MARKERS = 2_000
"""Fills drawn on the price of one instrument; the newest, when there are more."""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def themes() -> dict[str, dict[str, Any]]:
    """Return the templates ``light`` and ``dark``."""
    return {
        "light": _theme(ink="#1c2430", faint="#e3e6eb", line="#b8bec8", middle="#f2f3f5", paper="#ffffff"),
        "dark": _theme(ink="#dfe3ea", faint="#2b313b", line="#4a5260", middle="#262c36", paper="#1a1f27"),
    }


def equity_figure(equity: Line, start: float, currency: str, baseline: Line | None) -> go.Figure:
    """Equity over its drawdown, on one time axis; ``baseline`` is the price rescaled to the capital at the start."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.7, 0.3], vertical_spacing=0.05)
    if baseline is not None:
        figure.add_trace(_line(thinned(baseline), "Price, from the same start", PRICE, width=1.2), row=1, col=1)
    figure.add_trace(_line(thinned(equity), "Equity", EQUITY, width=2), row=1, col=1)
    under = thinned(Line(equity.time, drawdown(equity.value, start)))
    area = _line(under, "Drawdown", LOSS, width=1.2, template="%{y:.2%}")
    area.update(fill="tozeroy", fillcolor="rgba(209,73,91,0.22)", showlegend=False)
    figure.add_trace(area, row=2, col=1)
    figure.update_yaxes(title_text=_with_unit("Equity", currency), tickformat=",.4~s", row=1, col=1)
    figure.update_yaxes(title_text="Drawdown", tickformat="~%", rangemode="tozero", row=2, col=1)
    return _finished(figure, height=520)


def price_figure(prices: Prices, fills: Fills) -> go.Figure:
    """Return closes of one instrument with its fills on them, over the position that follows from the fills."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.76, 0.24], vertical_spacing=0.05)
    if prices.closes is not None:
        figure.add_trace(_line(thinned(prices.closes), "Close", PRICE, width=1.3), row=1, col=1)
    newest = fills.newest(MAX_MARKERS)
    for side, name, symbol, colour in (
        ("Buy", "Buys", "triangle-up", BUY),
        ("Sell", "Sells", "triangle-down", SELL),
    ):
        figure.add_trace(_markers(newest.of_side(side), name, symbol, colour), row=1, col=1)
    steps = _line(_held(newest, prices.closes), "Position", EQUITY, width=1.3, template="%{y:,.6~f}")
    steps.update(line_shape="hv", fill="tozeroy", fillcolor="rgba(59,130,196,0.16)", showlegend=False)
    figure.add_trace(steps, row=2, col=1)
    figure.update_yaxes(title_text=_with_unit("Price", prices.currency), tickformat=",~f", row=1, col=1)
    figure.update_yaxes(title_text="Position", tickformat=",.3~s", row=2, col=1)
    if prices.closes is not None and prices.closes.time.size > 1:
        first, last = np.datetime_as_string(prices.closes.time[[0, -1]], unit="s").tolist()
        figure.update_xaxes(range=[first, last])
    return _finished(figure, height=500)


def monthly_figure(returns: PeriodReturns) -> go.Figure:
    """Heatmap of the return of each month, one row a year, and the year's return beside it."""
    values = np.column_stack([returns.monthly, returns.yearly])
    bound = _bound(returns.monthly)
    names = [*MONTHS, "Year"]
    heatmap = go.Heatmap(
        z=values.tolist() if not np.isnan(values).any() else _with_none(values),
        x=names,
        y=[str(year) for year in returns.years],
        zmin=-bound,
        zmax=bound,
        xgap=2,
        ygap=2,
        showscale=False,
        hoverongaps=False,
        texttemplate="%{z:.1%}",
        hovertemplate="%{x} %{y}: %{z:.2%}<extra></extra>",
    )
    figure = go.Figure(heatmap)
    figure.update_xaxes(side="top", showgrid=False, zeroline=False, fixedrange=True, ticks="", showline=False)
    figure.update_yaxes(
        autorange="reversed", type="category", showgrid=False, fixedrange=True, ticks="", showline=False, dtick=1
    )
    figure.add_vline(x=11.5, line_width=2, line_color=PRICE)
    figure = _finished(figure, height=48 + 28 * max(len(returns.years), 1), unified=False)
    figure.update_layout(margin={"l": 52, "r": 8, "t": 34, "b": 8})
    return figure


def _held(fills: Fills, closes: Line | None) -> Line:
    """Return the position after each fill, held to the last bar."""
    if closes is None or closes.time.size == 0 or fills.time.size == 0:
        return Line(fills.time, fills.position)
    return Line(np.append(fills.time, closes.time[-1]), np.append(fills.position, fills.position[-1]))


def _bound(monthly: NDArray[np.float64]) -> float:
    """Return where the scale's colours are full: nearly the largest month, so that one does not fade the rest."""
    known = np.abs(monthly[~np.isnan(monthly)])
    return max(float(np.quantile(known, 0.95)) if known.size else 0.0, 0.01)


def _with_none(values: NDArray[np.float64]) -> list[list[float | None]]:
    return [[None if np.isnan(value) else value for value in row] for row in values.tolist()]


def _line(line: Line, name: str, colour: str, *, width: float, template: str = "%{y:,.2f}") -> go.Scatter:
    return go.Scatter(
        x=_milliseconds(line.time),
        y=line.value,
        name=name,
        mode="lines",
        line={"color": colour, "width": width},
        hovertemplate=template,
    )


def _markers(fills: Fills, name: str, symbol: str, colour: str) -> go.Scatter:
    return go.Scatter(
        x=_milliseconds(fills.time),
        y=fills.price,
        name=name,
        mode="markers",
        marker={"symbol": symbol, "size": 9, "color": colour, "line": {"width": 0.6, "color": "#ffffff"}},
        customdata=list(zip(fills.quantity.tolist(), fills.reason, strict=True)),
        hovertemplate="%{customdata[0]:,.6~f} at %{y:,.6~f} (%{customdata[1]})",
    )


def _with_unit(name: str, currency: str) -> str:
    return f"{name} ({currency})" if currency else name


def _milliseconds(time: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Return times as Plotly has them on a date axis: milliseconds since the Unix epoch, UTC."""
    return time.astype(np.int64).astype(np.float64) / 1e6


def _finished(figure: go.Figure, *, height: int, unified: bool = True) -> go.Figure:
    if unified:
        figure.update_xaxes(type="date")
    figure.update_layout(
        height=height,
        margin={"l": 68, "r": 18, "t": 34, "b": 34},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        hovermode="x unified" if unified else "closest",
    )
    return figure


def _theme(*, ink: str, faint: str, line: str, middle: str, paper: str) -> dict[str, Any]:
    axis = {"gridcolor": faint, "linecolor": line, "zerolinecolor": line, "automargin": True, "showline": True}
    template = go.layout.Template(
        layout={
            "font": {"family": "system-ui, sans-serif", "size": 13, "color": ink},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": line, "activecolor": ink},
            "hoverlabel": {"bgcolor": paper, "bordercolor": line, "font": {"color": ink}},
            "xaxis": {**axis, "showgrid": False},
            "yaxis": {**axis, "zeroline": False},
        },
        data={"heatmap": [{"colorscale": [[0, LOSS], [0.5, middle], [1, BUY]]}]},
    )
    return dict(template.to_plotly_json())
