"""What can go wrong with a ledger, told apart by what a person does about it."""

from __future__ import annotations

from tradeplane_evidence.errors import EvidenceError


class LedgerBroken(EvidenceError):
    """A ledger that is not as it was appended; ``sequence`` is the first entry at which that shows."""

    def __init__(self, message: str, sequence: int) -> None:
        super().__init__(message)
        self.sequence = sequence


class LedgerRefused(EvidenceError):
    """The database does not allow it, or has no ledger that this tradeplane can use."""


class LedgerUnavailable(EvidenceError):
    """The database was not reached, or did not answer within the limits on time and tries; it may later."""


class InvalidDatabase(EvidenceError, ValueError):
    """The URL of a database that cannot be used as it stands, or none."""
