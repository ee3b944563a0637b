"""What a strategy raises is a fault of the strategy, wherever it is called: final, and named by strategy and place.

Another attempt at the same run would call the same code with the same arguments, so it would be a waste to make one.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tradeplane_workloads.errors import DataRefused, InvalidSpecification, StrategyFailed

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def faults_of(name: str, called: str) -> Iterator[None]:
    """Raise as StrategyFailed what the strategy of a name raises while it is ``called``, such as "in targets()".

    What it refuses itself, as the built-in ones do, stays what it is. That it ends the process is a fault as well: who
    asked would take it for a run that went well.
    """
    try:
        yield
    except (InvalidSpecification, DataRefused):
        raise
    except (Exception, SystemExit) as error:
        raise strategy_fault(name, called, error) from error


def strategy_fault(name: str, called: str, error: BaseException) -> StrategyFailed:
    """Return the error of a run that an error of its strategy ended."""
    return StrategyFailed(f"algorithm.name: strategy {name!r} failed {called} with {spelled(error)}; mend the strategy")


def spelled(error: BaseException) -> str:
    """Return an error as the last line of its traceback has it."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
