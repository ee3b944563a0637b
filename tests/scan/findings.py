"""What scanners find, what of it is accepted, and what remains. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Scanner = Literal["checkov", "kube-score", "kubeconform"]


@dataclass(frozen=True, order=True)
class Finding:
    """A check of a scanner that an object does not pass. Findings of the same in several renderings are equal."""

    scanner: Scanner
    check: str
    object: str
    """``Kind.namespace.name``; the namespace is ``default`` where none is said, as both scanners that say it do."""
    message: str = field(compare=False)
    rendering: str = field(compare=False)

    def __str__(self) -> str:
        return f"{self.rendering}: {self.object}: {self.scanner} {self.check}: {self.message}"


class Accepted(BaseModel):
    """Objects of which a check's finding is accepted, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scanner: Scanner
    check: Annotated[str, StringConstraints(min_length=1)]
    # Patterns of the shell. A kind, or a type of a plan, is always said, so that none accepts whatever comes.
    objects: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^([A-Z][A-Za-z]+|aws_[a-z0-9_]+)\..+")], ...],
        Field(min_length=1),
    ]
    reason: Annotated[str, StringConstraints(min_length=20)]

    def matching(self, finding: Finding) -> set[str]:
        """Return those of its patterns that a finding is accepted by."""
        if (self.scanner, self.check) != (finding.scanner, finding.check):
            return set()
        return {pattern for pattern in self.objects if fnmatchcase(finding.object, pattern)}


@dataclass(frozen=True)
class Verdict:
    """What remains of findings."""

    unexplained: tuple[Finding, ...]
    unused: tuple[tuple[Accepted, str], ...]
    """What is accepted, and the pattern of it that accepted nothing."""
    explained: int

    @property
    def passed(self) -> bool:
        """Whether nothing remains to be done."""
        return not self.unexplained and not self.unused


def judge(findings: Iterable[Finding], accepted: Iterable[Accepted]) -> Verdict:
    """Tell which findings nobody accepted, and what was accepted in vain."""
    listed = list(accepted)
    used: set[tuple[int, str]] = set()
    unexplained = set()
    distinct = set(findings)
    for finding in distinct:
        by = {(index, pattern) for index, one in enumerate(listed) for pattern in one.matching(finding)}
        used |= by
        if not by:
            unexplained.add(finding)
    unused = [
        (one, pattern) for index, one in enumerate(listed) for pattern in one.objects if (index, pattern) not in used
    ]
    return Verdict(tuple(sorted(unexplained)), tuple(unused), len(distinct) - len(unexplained))


def read_accepted(file: Path) -> list[Accepted]:
    """Read what is accepted; pydantic's ``ValidationError`` says what is wrong with it."""
    return [Accepted.model_validate(one) for one in yaml.safe_load(file.read_text(encoding="utf-8"))]


def object_name(kind: str, namespace: str | None, name: str) -> str:
    """Name an object as checkov does."""
    return f"{kind}.{namespace or 'default'}.{name}"
