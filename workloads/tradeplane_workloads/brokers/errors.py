"""How a broker can fail, told apart by what a person does about it.

The words never hold the key or the secret; what a broker says is shortened to what can be printed (``shown``).
"""

from __future__ import annotations

from typing import ClassVar

from tradeplane_api.probe import ProbeOutcome

_MOST_SHOWN = 160


class BrokerError(Exception):
    """Base of the errors of a broker; the message names the thing, what is wrong with it and what to do."""

    outcome: ClassVar[ProbeOutcome]

    def __init__(self, message: str, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class SecretMissing(BrokerError):
    """The Secret, or a key of it, is not there or cannot be used."""

    outcome = ProbeOutcome.SECRET_MISSING


class CredentialsRefused(BrokerError):
    """The broker does not accept the key or its signature."""

    outcome = ProbeOutcome.CREDENTIALS_REFUSED


class EndpointUnreachable(BrokerError):
    """No answer: no such name, no connection, no time left, or a server that cannot serve."""

    outcome = ProbeOutcome.ENDPOINT_UNREACHABLE


class ClockRefused(BrokerError):
    """The broker's clock and ours are too far apart."""

    outcome = ProbeOutcome.CLOCK_SKEWED


class RateLimited(BrokerError):
    """The broker asks to be left alone for a while, or our own limit says so."""

    outcome = ProbeOutcome.RATE_LIMITED


class NotTheApiExpected(BrokerError):
    """Something answers, and it is not the API of this market."""

    outcome = ProbeOutcome.NOT_THE_API_EXPECTED


class RequestRefused(NotTheApiExpected):
    """The broker read a request and does not do it; ``code`` is its own number of why."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def shown(text: object) -> str:
    """Return what a broker said as far as it can be printed in one line."""
    printable = "".join(letter if letter.isprintable() else " " for letter in str(text)[: _MOST_SHOWN + 1])
    return printable if len(printable) <= _MOST_SHOWN else printable[: _MOST_SHOWN - 1] + "…"
