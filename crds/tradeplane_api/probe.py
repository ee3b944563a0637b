"""What a probe of a BrokerConnection is asked, and what it answers.

The question travels inside the probe's Job; the answer is its pod's termination message. The Secret is mounted as files
and is in neither.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from tradeplane_api.base import Boolean, Document, Integer, Name
from tradeplane_api.broker_connection import CredentialsState, RateLimits
from tradeplane_api.venue import Endpoint, Market

PROBE_VARIABLE = "TRADEPLANE_PROBE"
"""Environment variable that carries the JSON of a ProbeSpecification into a pod."""
CREDENTIALS_VARIABLE = "TRADEPLANE_CREDENTIALS"
"""Environment variable that names the folder of the files apiKey and apiSecret."""
API_KEY_FILE = "apiKey"
API_SECRET_FILE = "apiSecret"  # noqa: S105 - the name of a file
MAX_PROBE_WORDS = 600
"""Characters of a report's words; in JSON they fit a termination message whatever they are made of."""
MOST_WAIT_SECONDS = 7 * 24 * 3_600
"""Binance bans an address for three days at most; what asks for more than a week is not believed."""


class ProbeSpecification(Document):
    """One probe: what to try."""

    format_version: Literal[1] = 1
    market: Market
    endpoint: Endpoint
    secret: Name | None = Field(default=None, description="Name of the Secret, for words; its files are mounted.")
    rate_limits: RateLimits = Field(default_factory=RateLimits)


class ProbeOutcome(StrEnum):
    """What a probe found; the reason of the connection's condition ``Ready``."""

    CONNECTED = "Connected"
    SECRET_MISSING = "SecretMissing"  # noqa: S105 - not a password
    CREDENTIALS_REFUSED = "CredentialsRefused"
    ENDPOINT_UNREACHABLE = "EndpointUnreachable"
    CLOCK_SKEWED = "ClockSkewed"
    RATE_LIMITED = "RateLimited"
    NOT_THE_API_EXPECTED = "NotTheApiExpected"


class ProbeReport(Document):
    """What a probe answers; it ends with exit code 0 whatever it found."""

    format_version: Literal[1] = 1
    outcome: ProbeOutcome
    message: str = Field(default="", max_length=MAX_PROBE_WORDS, description="What is wrong, and what to do.")
    latency_microseconds: Integer | None = Field(default=None, ge=0, le=3_600_000_000)
    clock_skew_microseconds: Integer | None = Field(default=None, ge=-(2**62), le=2**62)
    credentials: CredentialsState
    streams: Boolean = Field(default=False, description="Whether a WebSocket was opened.")
    retry_after_seconds: Integer | None = Field(default=None, ge=0, le=MOST_WAIT_SECONDS)
