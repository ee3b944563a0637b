"""What is done with a stack, and likewise with all stacks of an environment together."""

from typing import Protocol, TypeVar

Told_co = TypeVar("Told_co", covariant=True)
"""What is told of an operation: an outcome, or one of each stack."""


class Operations(Protocol[Told_co]):
    """A stack (``Stack``), or those of an environment in their order (``Environment``).

    Every operation raises ``StackError``, and ``ConfigurationRefused`` before anything is made.
    """

    def init(self) -> None:
        """Make it, without anything in it."""
        ...

    def preview(self) -> Told_co:
        """Say what ``up`` would change."""
        ...

    def up(self) -> Told_co:
        """Make what the program says, and put right what is otherwise."""
        ...

    def drift(self) -> Told_co:
        """Say what is otherwise than it was made; nothing is changed."""
        ...

    def preview_destroy(self) -> Told_co:
        """Say what ``destroy`` would remove; refused where something of it is protected."""
        ...

    def destroy(self) -> Told_co:
        """Remove all of it; refused where something of it is protected, before anything is removed."""
        ...
