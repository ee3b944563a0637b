"""What a strategy is: a name, its parameters, and targets decided on each bar's close.

A strategy answers for all bars at once, so that it can be written with arrays; what it says at a bar must not depend on
any bar after it. ``tradeplane_workloads.strategies.causality`` checks that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydantic import BaseModel
    from tradeplane_native import Generator

    from tradeplane_workloads.market.bars import Bars

API_VERSION = "v1"
"""Version of this protocol. A strategy states the one it was written for and is refused where it is another."""


class Strategy(Protocol):
    """A strategy; registered as a class under the entry point group ``tradeplane.strategies`` by its name.

    A class may also set ``requires_short = True`` to be refused where short positions are not allowed (a pair is no
    pair without its short leg).
    """

    name: ClassVar[str]
    """Kebab-case, at most 63 characters; the name of its entry point."""
    api_version: ClassVar[str]
    """The version of this protocol it was written for."""

    @property
    def Parameters(self) -> type[BaseModel]:  # noqa: N802 - a class, written as one nested in the strategy's
        """Model of its parameters, with defaults and ranges."""
        ...

    def targets(self, bars: Bars, parameters: Any, rng: Generator) -> NDArray[np.float64]:
        """Targets decided on the close of each bar: float64 of shape (n, k), finite, each from -1 to 1.

        A target is the share of what sizing would invest: 1 is all of it long, -1 all of it short, 0 no position. An
        order is made when an instrument's target differs from the one acted on last, and fills at its next open.
        Raises DataRefused when the bars cannot be used (another number of instruments than it needs).
        """
        ...
