"""The page itself: one file without a script, which a content security policy forbids every request.

The style is allowed by its digest and nothing else is, so that nothing in a name or an error of a stranger is more than
text. The page says nothing of when it was made: the same evidence gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup
from tradeplane_evidence.export.commands import KEYRING, LEDGER, TRUST
from tradeplane_evidence.export.exporting import INDEX
from tradeplane_evidence.export.folder import CHECKSUMS
from tradeplane_evidence.export.published_keys import key_path

from tradeplane_cli.export_page.chain import BOX_HEIGHT, BOX_WIDTH, Drawing, draw
from tradeplane_cli.export_page.wording import NOTHING, builder_name, plain_words, short, size, visible
from tradeplane_cli.report.wording import moment, number, percent

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_evidence.export.contents import Export
    from tradeplane_evidence.export.ledger_records import ApprovalTold, Told
    from tradeplane_evidence.export.records import Dependency, Record, Signed

MAX_DEPENDENCIES = 40
"""Of one run that the page lists; the statement and ``runs.json`` have them all."""
MAX_PASSED_OVER = 200
MAX_APPROVALS = 200
"""Of all runs together, and of one; of one run as many entries by whom it was applied."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A run as the page shows it."""

    record: Record
    anchor: str
    name: str
    finished: str
    time: str
    refusal: str
    drawing: Drawing
    figures: tuple[tuple[str, str], ...]
    dependencies: tuple[Dependency, ...]
    more: int
    replays: tuple[str, ...]
    applied: tuple[Told, ...]
    approvals: tuple[ApprovalTold, ...]
    started_by: tuple[tuple[str, str], ...]
    """Approvals by which it was started, as they were signed with it: each user, and the digest of the statement."""


def page(export: Export) -> bytes:
    """Return the page of an export as HTML, UTF-8."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_final
    )
    environment.filters.update(short=short, builder_name=builder_name, size=size, moment=moment)
    template = environment.from_string(_asset("tradeplane_cli.export_page", "export.html.jinja"))
    runs = [_shown(one) for one in export.records]
    signed_approvals = [(run, *one) for run in runs for one in run.started_by]
    style = _asset("tradeplane_cli.report", "report.css") + _asset("tradeplane_cli.export_page", "export.css")
    text = template.render(
        policy=_policy(style),
        style=Markup(style),  # noqa: S704 - files of these packages
        export=export,
        runs=runs,
        used={one.fingerprint: _count(export, one.fingerprint) for one in export.keys},
        by_name=Counter(_named(one.signed) for one in export.verified if one.signed is not None),
        approvals=export.approvals[:MAX_APPROVALS],
        approvals_more=max(0, len(export.approvals) - MAX_APPROVALS),
        signed_approvals=signed_approvals[:MAX_APPROVALS],
        signed_more=max(0, len(signed_approvals) - MAX_APPROVALS),
        passed_over=export.passed_over[:MAX_PASSED_OVER],
        passed_over_more=max(0, len(export.passed_over) - MAX_PASSED_OVER),
        box=(BOX_WIDTH, BOX_HEIGHT),
        names={"keyring": KEYRING, "index": INDEX, "checksums": CHECKSUMS, "ledger": LEDGER, "trust": TRUST},
        key_path=key_path,
        nothing=NOTHING,
    )
    return text.encode("utf-8")


def _asset(package: str, name: str) -> str:
    return (files(package) / "templates" / name).read_text(encoding="utf-8")


def _policy(style: str) -> str:
    """Return a content security policy that allows this style and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def _final(value: Any) -> Any:
    """Make text visible before it is escaped; what the template holds itself is markup already."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _shown(record: Record) -> Shown:
    signed, refusal = record.signed, record.refusal
    dependencies = () if signed is None else signed.dependencies
    return Shown(
        record=record,
        anchor=record.folder.replace("/", "-"),
        name=_name(record),
        finished=moment(signed.finished) if signed and signed.finished else "not stated",
        time=next((check.words for check in record.checks if check.name == "time"), "not established"),
        refusal="" if refusal is None else plain_words(refusal),
        drawing=draw(record),
        figures=_figures(record),
        dependencies=dependencies[:MAX_DEPENDENCIES],
        more=max(0, len(dependencies) - MAX_DEPENDENCIES),
        replays=tuple(one.claim.in_words() for one in record.replays),
        applied=() if record.ledger is None else record.ledger.applied[:MAX_APPROVALS],
        approvals=() if record.ledger is None else record.ledger.approvals[:MAX_APPROVALS],
        started_by=() if signed is None else tuple(map(_approval, signed.approvals[:MAX_APPROVALS])),
    )


def _approval(named: Dependency) -> tuple[str, str]:
    return named.name.partition("/")[2], named.digest or NOTHING


def _name(record: Record) -> str:
    """Return the name of a run, which only its statement says."""
    return record.signed.run if record.signed and record.signed.run else "unknown run"


def _figures(record: Record) -> tuple[tuple[str, str], ...]:
    summary = record.summary
    if summary is None:
        return (("Return", NOTHING), ("Sharpe", NOTHING), ("Drawdown", NOTHING), ("Trades", NOTHING))
    return (
        ("Return", _read(percent, summary.total_return)),
        ("Sharpe", _read(number, summary.sharpe)),
        ("Drawdown", _read(percent, summary.max_drawdown)),
        ("Trades", f"{summary.trades:,}"),
    )


def _read(form: Callable[[str | None], str], value: str | None) -> str:
    """Return a figure as people read it; as it stands where it is no number, since a tenant's program wrote it."""
    try:
        return form(value)
    except ArithmeticError:
        return visible(value or NOTHING, 24)


def _named(signed: Signed) -> tuple[str | None, str | None, str | None]:
    """Return by what somebody who signed is told from others; nothing of a key."""
    return signed.who.subject, signed.who.issuer, signed.who.root


def _count(export: Export, fingerprint: str) -> int:
    return sum(1 for one in export.verified if one.signed is not None and one.signed.who.key == fingerprint)
