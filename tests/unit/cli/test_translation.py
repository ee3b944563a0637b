"""What the command says of failures of the rooms below."""

from __future__ import annotations

import pytest
from tradeplane_api.run import ExitCode
from tradeplane_cli.translation import failure_of


def test_an_environment_without_the_rust_core_is_told_what_puts_it_there() -> None:
    failure = failure_of(ModuleNotFoundError("No module named 'tradeplane_native'", name="tradeplane_native"))
    assert failure.code == ExitCode.INTERNAL
    assert "the Rust core is not installed in this environment" in failure.message
    assert failure.remedy is not None
    assert "`make sync`" in failure.remedy


@pytest.mark.parametrize("error", [ModuleNotFoundError("No module named 'x'", name="x"), RuntimeError("surprise")])
def test_what_nobody_foresaw_is_named_and_asks_for_a_report(error: Exception) -> None:
    failure = failure_of(error)
    assert failure.code == ExitCode.INTERNAL
    assert failure.message == f"{type(error).__name__}: {error}"
    assert failure.remedy is not None
    assert "--debug" in failure.remedy
