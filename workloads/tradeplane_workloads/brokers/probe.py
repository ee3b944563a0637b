"""``python -m tradeplane_workloads.brokers.probe``: try one connection, and say what was found.

Environment: ``TRADEPLANE_PROBE`` (JSON of the ProbeSpecification), ``TRADEPLANE_CREDENTIALS`` (the folder of the
mounted Secret). The answer is the termination message; the exit code is 0 whatever was found, and 2 where nothing could
be tried because the specification cannot be read.
"""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError
from tradeplane_api.broker_connection import MAX_SKEW_MICROSECONDS, CredentialsState
from tradeplane_api.probe import (
    CREDENTIALS_VARIABLE,
    MAX_PROBE_WORDS,
    PROBE_VARIABLE,
    ProbeOutcome,
    ProbeReport,
    ProbeSpecification,
)
from tradeplane_api.run import ExitCode

from tradeplane_workloads.brokers.binance import Binance, Clocks
from tradeplane_workloads.brokers.credentials import Credentials, read_credentials
from tradeplane_workloads.brokers.errors import BrokerError, CredentialsRefused, EndpointUnreachable
from tradeplane_workloads.brokers.measuring import latency, skew
from tradeplane_workloads.runner.interruption import exit_on_sigterm
from tradeplane_workloads.runner.termination import write_termination

if TYPE_CHECKING:
    from collections.abc import Mapping

SAMPLES = 5
PROBE_SECONDS = 30.0


@dataclass(slots=True)
class _Probe:
    """One probe, as far as it has come."""

    specification: ProbeSpecification
    folder: Path
    clocks: Clocks
    credentials: Credentials | None = None
    state: CredentialsState = CredentialsState.UNKNOWN
    latency: int | None = None
    skew: int | None = None
    streams: bool = False

    async def run(self) -> ProbeReport:
        """Try everything in turn, and report how far that went."""
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await self._try()
        except BrokerError as error:
            if isinstance(error, CredentialsRefused):
                self.state = CredentialsState.REFUSED
            return self._report(error.outcome, str(error), error.retry_after_seconds)
        except TimeoutError:
            words = f"the probe took longer than {PROBE_SECONDS:g} s, each answer in time; the broker is slow"
            return self._report(EndpointUnreachable.outcome, words)
        return self._judged()

    async def _try(self) -> None:
        specification = self.specification
        if specification.secret is None:
            self.state = CredentialsState.NONE
        else:
            self.credentials = read_credentials(self.folder, specification.secret)
        async with Binance(
            specification.market, specification.endpoint, specification.rate_limits, self.clocks
        ) as broker:
            await broker.server_time()  # opens the connection, which is not what a request takes
            samples = [await broker.server_time() for _ in range(SAMPLES)]
            self.latency, self.skew = latency(samples), skew(samples)
            if self.credentials is not None:
                await broker.check_account(self.credentials, self.skew)
                self.state = CredentialsState.ACCEPTED
            await broker.check_streams()
            self.streams = True

    def _judged(self) -> ProbeReport:
        """Return the report of a probe that got everything it asked for: the clock may still be wrong."""
        if abs(self.skew or 0) <= MAX_SKEW_MICROSECONDS:
            return self._report(ProbeOutcome.CONNECTED, "")
        ahead = "ahead of" if (self.skew or 0) > 0 else "behind"
        words = (
            f"the broker's clock is {abs(self.skew or 0) // 1_000} ms {ahead} that of the node, and more than "
            f"{MAX_SKEW_MICROSECONDS // 1_000} ms make it refuse orders; set the node's clock (NTP)"
        )
        return self._report(ProbeOutcome.CLOCK_SKEWED, words)

    def _report(self, outcome: ProbeOutcome, words: str, retry_after_seconds: int | None = None) -> ProbeReport:
        return ProbeReport(
            outcome=outcome,
            message=self._without_secrets(words)[:MAX_PROBE_WORDS],
            latency_microseconds=self.latency,
            clock_skew_microseconds=self.skew,
            credentials=self.state,
            streams=self.streams,
            retry_after_seconds=retry_after_seconds,
        )

    def _without_secrets(self, words: str) -> str:
        """Return words without the key and the secret, which a broker could have sent back."""
        if self.credentials is None:
            return words
        return words.replace(self.credentials.api_secret, "[secret]").replace(self.credentials.api_key, "[key]")


async def probe(specification: ProbeSpecification, folder: Path, clocks: Clocks | None = None) -> ProbeReport:
    """Try a connection, the Secret's files being in a folder, and return what was found."""
    return await _Probe(specification, folder, clocks or Clocks()).run()


def _specification(environ: Mapping[str, str]) -> ProbeSpecification | None:
    """Return what is to be tried; None, and words on stderr, where that cannot be read."""
    try:
        return ProbeSpecification.model_validate_json(environ.get(PROBE_VARIABLE, ""))
    except ValidationError as error:
        problem = error.errors(include_input=False)[0]
        where = ".".join(str(step) for step in problem["loc"]) or PROBE_VARIABLE
        sys.stderr.write(f"{PROBE_VARIABLE} holds no specification of a probe: {where}: {problem['msg']}\n")
        return None


def main() -> int:
    """Run the probe of the environment and return the exit code."""
    exit_on_sigterm(lambda: None)
    specification = _specification(os.environ)
    if specification is None:
        return ExitCode.INVALID
    report = asyncio.run(probe(specification, Path(os.environ.get(CREDENTIALS_VARIABLE, "/nonexistent"))))
    sys.stderr.write(report.model_dump_json(exclude_none=True) + "\n")
    write_termination(report, os.environ)
    return ExitCode.OK


if __name__ == "__main__":
    sys.exit(main())
