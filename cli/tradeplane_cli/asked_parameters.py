"""External parameters that a command asks for, from ``NAME=VALUE`` as they are typed."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from tradeplane_evidence.verification.rules import ParameterIs

from tradeplane_cli.failures import CommandFailure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradeplane_evidence.verification.rules import Rule


def asked_parameters(texts: Iterable[str]) -> tuple[Rule, ...]:
    """Return what is asked of parameters: of one that is named more than once, any of its values will do.

    Raises CommandFailure where a text names none.
    """
    values: defaultdict[str, set[str]] = defaultdict(set)
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not all(name.split(".")):
            raise CommandFailure(
                f"--parameter {text!r} is no NAME=VALUE",
                remedy="give one such as --parameter specification.simulation.algorithm.name=macd-momentum",
            )
        values[name].add(value)
    return tuple(ParameterIs(name, frozenset(some)) for name, some in sorted(values.items()))
