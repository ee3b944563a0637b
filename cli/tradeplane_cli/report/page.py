"""The page itself: one file that needs nothing else, today or in ten years.

Plotly is inside, and a content security policy in the page forbids the browser every request: what an auditor opens
offline is what the author saw. The scripts are allowed by their digests, so text from a result cannot become one. The
page says nothing of when it was made: the same results give the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jinja2
import numpy as np
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from tradeplane_cli.report.contents import MAX_ROWS, Contents
from tradeplane_cli.report.figures import MAX_MARKERS, equity_figure, monthly_figure, price_figure, themes
from tradeplane_cli.report.series import MAX_POINTS, period_returns
from tradeplane_cli.report.wording import moment, number, percent, summary_rows

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from tradeplane_api.run import Summary

_TEMPLATES = files("tradeplane_cli.report") / "templates"


@dataclass(frozen=True, slots=True)
class Card:
    """One headline figure; ``tone`` is ``good``, ``bad`` or empty."""

    label: str
    value: str
    tone: str = ""


def page(contents: Contents) -> str:
    """Return the whole report as HTML."""
    plotly, script = get_plotlyjs(), _asset("report.js")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_asset("report.html.jinja"))
    simulation = contents.manifest.specification.simulation
    return template.render(
        title=f"{contents.manifest.specification.run}: {simulation.algorithm.name}",
        policy=_policy(plotly, script),
        style=Markup(_asset("report.css")),  # noqa: S704 - a file of this package
        plotly=Markup(plotly),  # noqa: S704 - a file of the plotly package
        script=Markup(script),  # noqa: S704 - a file of this package
        figures=_embedded({"themes": themes(), "figures": _figures(contents)}),
        contents=contents,
        manifest=contents.manifest,
        simulation=simulation,
        parameters=[(name, _plain(value)) for name, value in sorted(simulation.algorithm.parameters.items())],
        cards=_cards(contents.manifest.summary),
        summary=summary_rows(contents.manifest.summary),
        settings=_settings(contents),
        rows=_trade_rows(contents),
        max_rows=MAX_ROWS,
        notes=_notes(contents),
    )


def _asset(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _policy(*scripts: str) -> str:
    """Return a content security policy that allows these inline scripts and no request of any kind."""
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:"


def _embedded(value: Any) -> Markup:
    """JSON for a script element: no ``<`` in it, so nothing inside can end the element."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True, allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 - escaped on this line


def _figures(contents: Contents) -> dict[str, Any]:
    equity = contents.equity
    returns = period_returns(equity.time, equity.value, contents.capital)
    return {
        "equity": _described(equity_figure(equity, contents.capital, contents.currency, contents.baseline)),
        "monthly": _described(monthly_figure(returns)),
        "prices": [_described(price_figure(prices, fills)) for prices, fills in contents.instruments],
    }


def _described(figure: go.Figure) -> dict[str, Any]:
    """Traces and layout alone; the template is chosen in the browser."""
    described: dict[str, Any] = json.loads(figure.to_json())
    described["layout"].pop("template", None)
    return {"data": described["data"], "layout": described["layout"]}


def _cards(summary: Summary) -> list[Card]:
    tone = "bad" if summary.total_return.startswith("-") else "good"
    return [
        Card("Total return", percent(summary.total_return), tone),
        Card("Annual return", percent(summary.annual_return), tone if summary.annual_return else ""),
        Card("Sharpe ratio", number(summary.sharpe)),
        Card("Maximum drawdown", percent(summary.max_drawdown)),
        Card("Trades", f"{summary.trades:,}"),
        Card("Hit rate", percent(summary.hit_rate)),
    ]


def _settings(contents: Contents) -> list[tuple[str, str]]:
    """Everything of the simulation besides the algorithm, by the path a user writes it under; unset fields left out."""
    simulation = contents.manifest.specification.simulation.model_dump(
        mode="json", by_alias=True, exclude={"algorithm"}
    )
    return [(path, value) for path, value in _flat(simulation, "") if value != "null"]


def _flat(value: Any, path: str) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [leaf for name, inner in value.items() for leaf in _flat(inner, f"{path}.{name}" if path else name)]
    if isinstance(value, list) and value:
        return [leaf for index, inner in enumerate(value) for leaf in _flat(inner, f"{path}[{index}]")]
    return [] if value == [] else [(path, _plain(value))]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _trade_rows(contents: Contents) -> list[dict[str, str]]:
    newest = contents.trades.slice(max(contents.trades.num_rows - MAX_ROWS, 0))
    times = newest.column("time_ns").to_numpy().astype("int64").view("datetime64[ns]")
    stamps = np.datetime_as_string(times, unit="ms").tolist()
    return [
        {
            "time": moment(stamp),
            "instrument": str(row["instrument"]),
            "side": str(row["side"]),
            "quantity": f"{row['quantity']:,}",
            "price": _exact(row["price"]),
            "commission": _exact(row["commission"]),
            **({"slippage": _exact(row["slippage"])} if "slippage" in row else {}),  # of runs on bars
            "realized": _exact(row["realized_pnl"]),
            "reason": str(row["reason"]),
        }
        for stamp, row in zip(stamps, newest.to_pylist(), strict=True)
    ]


def _exact(value: Any) -> str:
    return number(None if value is None else str(value), places=4).removesuffix("00")


def _notes(contents: Contents) -> list[str]:
    """Return what a reader should know about what is drawn."""
    notes = []
    if contents.equity.value.size > MAX_POINTS:
        notes.append(
            f"Lines of more than {MAX_POINTS:,} points are thinned for the screen; every peak and trough is kept, "
            "and all figures in the tables come from the whole series."
        )
    if contents.missing_prices:
        notes.append(f"Prices are not drawn: {contents.missing_prices}")
    if len(contents.instruments) < contents.instruments_in_all:
        notes.append(
            f"Of {contents.instruments_in_all} instruments the {len(contents.instruments)} traded most are drawn."
        )
    if any(fills.time.size > MAX_MARKERS for _, fills in contents.instruments):
        notes.append(f"Of each instrument the newest {MAX_MARKERS:,} fills are drawn.")
    if contents.trades.num_rows > MAX_ROWS:
        notes.append(f"The table of trades holds the newest {MAX_ROWS:,} of {contents.trades.num_rows:,}.")
    return notes
