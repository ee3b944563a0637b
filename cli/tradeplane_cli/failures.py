"""Expected failures, as a person reads them and as a script does.

Everything a command can foresee going wrong is a ``CommandFailure``: it says what was wrong, where, and what to do, and
carries the exit code. Only what nobody foresaw ends in a traceback, and that only under ``--debug``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tradeplane_api.run import ExitCode

DIFFERENT = 10
"""Exit code where two things were compared and are not the same; 1, which diff(1) has for it, is a fault here."""
INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 and the number of SIGINT, as shells report it."""

EXIT_CODES: dict[int, str] = {
    ExitCode.OK: "done",
    ExitCode.INTERNAL: "an unforeseen error; run again with --debug for the traceback",
    ExitCode.INVALID: "the command line, a file or a specification is not valid",
    ExitCode.REFUSED: "data are missing, malformed, or not what their digest says",
    ExitCode.STORE: "the store is full, or it, a registry, a ledger or a stack's state or cloud cannot be reached",
    DIFFERENT: "what was compared differs",
    INTERRUPTED: "interrupted",
}
"""Exit codes of every command, and what each means. The codes below 100 are those of a run in the cluster."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where: file, line (counted from 1) and path of the field where they are known."""

    message: str
    remedy: str | None = None
    file: str | None = None
    line: int | None = None
    field: str | None = None

    def __str__(self) -> str:
        """One line in the form compilers and editors know: ``file:line: field: message; remedy``."""
        place = f"{self.file}:{self.line}" if self.file and self.line else self.file
        parts = [part for part in (place, self.field, self.message) if part]
        return ": ".join(parts) + (f"; {self.remedy}" if self.remedy else "")

    def as_json(self) -> dict[str, Any]:
        """Return the problem's fields, those unknown left out."""
        fields = {
            "file": self.file,
            "line": self.line,
            "field": self.field,
            "message": self.message,
            "remedy": self.remedy,
        }
        return {name: value for name, value in fields.items() if value is not None}


class CommandFailure(Exception):
    """A command could not do what was asked, for a reason the person who asked can act on."""

    def __init__(
        self,
        message: str,
        *,
        code: ExitCode = ExitCode.INVALID,
        remedy: str | None = None,
        problems: tuple[Problem, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.remedy = remedy
        self.problems = problems

    def as_text(self) -> str:
        """Lines for standard error."""
        lines = [f"error: {self.message}"]
        lines += [f"  {problem}" for problem in self.problems]
        if self.remedy:
            lines.append(f"hint: {self.remedy}")
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """Return the object printed on standard error under ``-o json``."""
        error: dict[str, Any] = {"code": int(self.code), "reason": self.code.name, "message": self.message}
        if self.remedy:
            error["remedy"] = self.remedy
        if self.problems:
            error["problems"] = [problem.as_json() for problem in self.problems]
        return {"error": error}
