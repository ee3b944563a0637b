"""Two runs, or two snapshots, compared as the commands show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError
from tradeplane_api.base import Digest

from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.printing import columns
from tradeplane_cli.progress import stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_workloads.replay.divergence import Divergence
    from tradeplane_workloads.replay.fields import FieldDifference

NONE = "<none>"
"""What kubectl prints where there is nothing."""
_HEADERS = ("Of", "Record", "Field", "Expected", "Got")


@dataclass(frozen=True, slots=True)
class Differences:
    """What was found to differ between two things of a kind.

    ``expected``, ``got``: what each is called and the digest that tells whether they are the same. ``fields``: by what
    they are fields of. ``divergences``: the first record that differs of each part.
    """

    kind: str
    expected: tuple[str, str]
    got: tuple[str, str]
    same: bool
    fields: tuple[tuple[str, FieldDifference], ...]
    divergences: tuple[Divergence, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        return {
            "same": self.same,
            "expected": {"name": self.expected[0], "digest": self.expected[1]},
            "got": {"name": self.got[0], "digest": self.got[1]},
            "fields": [{"of": owner, **_as_json(one)} for owner, one in self.fields],
            "divergences": [
                {"of": one.part, "sequence": one.sequence, "fields": [_as_json(field) for field in one.fields]}
                for one in self.divergences
            ],
        }

    def as_text(self) -> str:
        """Lines for people: which is which, and a line a field that differs."""
        (ours, our_digest), (theirs, their_digest) = self.expected, self.got
        rows = [(owner, "", *_cells(one)) for owner, one in self.fields]
        rows += [(one.part, f"{one.sequence:,}", *_cells(field)) for one in self.divergences for field in one.fields]
        verdict = "are the same" if self.same else "differ"
        lines = [f"{self.kind} {verdict}", f"  expected  {ours}  {our_digest}", f"  got       {theirs}  {their_digest}"]
        return "\n".join([*lines, "", columns(_HEADERS, rows)] if rows else lines)


def diff_results(expected: tuple[str, str], got: tuple[str, str]) -> Differences:
    """Compare the results of two runs, each the URL of a store and the name of the run."""
    from tradeplane_store.objects import open_store
    from tradeplane_workloads.replay.results import compare_results

    with stage("Comparing results"):
        found = compare_results((open_store(expected[0]), expected[1]), (open_store(got[0]), got[1]))
    fields = [*_of("specification", found.specification), *_of("summary", found.summary)]
    return Differences(
        kind="results",
        expected=(expected[1], found.expected.result_digest),
        got=(got[1], found.got.result_digest),
        same=found.same,
        fields=tuple(fields),
        divergences=found.divergences,
    )


def diff_snapshots(expected: tuple[str, str], got: tuple[str, str]) -> Differences:
    """Compare two snapshots, each the URL of a store and a digest. Raises CommandFailure for what is no digest."""
    ours, theirs = checked_digest(expected[1], "DIGEST"), checked_digest(got[1], "OTHER")

    from tradeplane_store.objects import open_store
    from tradeplane_workloads.replay.snapshots import compare_snapshots

    with stage("Comparing snapshots"):
        found = compare_snapshots((open_store(expected[0]), ours), (open_store(got[0]), theirs))
    return Differences(
        kind="snapshots",
        expected=(_symbols(found.expected.instruments), ours),
        got=(_symbols(found.got.instruments), theirs),
        same=found.same,
        fields=_of("manifest", found.fields),
        divergences=found.divergences,
    )


def _of(owner: str, fields: Sequence[FieldDifference]) -> tuple[tuple[str, FieldDifference], ...]:
    return tuple((owner, one) for one in fields)


def _symbols(instruments: Sequence[Any]) -> str:
    return ", ".join(one.symbol for one in instruments)


def _cells(field: FieldDifference) -> tuple[str, str, str]:
    return field.field, NONE if field.expected is None else field.expected, NONE if field.got is None else field.got


def _as_json(field: FieldDifference) -> dict[str, str | None]:
    return {"field": field.field, "expected": field.expected, "got": field.got}


def checked_digest(text: str, argument: str) -> str:
    """Return the id of a snapshot. Raises CommandFailure for what is none; ``argument`` names it."""
    try:
        return str(TypeAdapter(Digest).validate_python(text))
    except ValidationError as error:
        raise CommandFailure(f"{argument} {text} {error.errors()[0]['msg']}") from error
