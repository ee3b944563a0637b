"""Failures of the rooms below in the form the command tells them, each with its exit code."""

from __future__ import annotations

from tradeplane_api.run import ExitCode

from tradeplane_cli.failures import CommandFailure

_CORE = "tradeplane_native"


def failure_of(error: Exception) -> CommandFailure:
    """Return the failure as it is shown; what nobody foresaw is ``INTERNAL`` and asks for a run with ``--debug``."""
    if isinstance(error, CommandFailure):
        return error
    code = _code(error)
    if code is not None:
        return CommandFailure(str(error), code=code)
    if isinstance(error, ModuleNotFoundError) and error.name == _CORE:
        return CommandFailure(
            f"the Rust core is not installed in this environment: {error}",
            code=ExitCode.INTERNAL,
            remedy="in a checkout, `make sync` compiles it; `make demo` installs it when its images are built",
        )
    return CommandFailure(
        f"{type(error).__name__}: {error}",
        code=ExitCode.INTERNAL,
        remedy="this was not foreseen; run again with --debug and report what it prints",
    )


def _code(error: Exception) -> ExitCode | None:
    from tradeplane_evidence import errors as evidence
    from tradeplane_evidence.ledger.errors import InvalidDatabase, LedgerUnavailable
    from tradeplane_store import errors as store
    from tradeplane_workloads.errors import WorkloadError

    if isinstance(error, WorkloadError):
        return error.exit_code
    if isinstance(error, store.InvalidStore | store.InvalidPath | evidence.InvalidKey | evidence.InvalidReference):
        return ExitCode.INVALID
    if isinstance(error, InvalidDatabase):
        return ExitCode.INVALID
    if isinstance(error, LedgerUnavailable):
        return ExitCode.STORE
    if isinstance(error, store.NotFound | store.TooLarge):
        return ExitCode.REFUSED
    if isinstance(error, store.StoreError | evidence.RegistryUnavailable | evidence.SignerUnavailable):
        return ExitCode.STORE
    if isinstance(error, evidence.EvidenceError):
        return ExitCode.REFUSED
    return None
