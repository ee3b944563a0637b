"""What can go wrong with a stack, each error with what to do."""


class StackError(Exception):
    """Something could not be done with a stack; ``remedy`` says what to do."""

    def __init__(self, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy


class StackInvalid(StackError):
    """What was asked for is not there or not valid, or a program that is needed is missing."""


class StackMissing(StackInvalid):
    """The stack that was asked for is not there."""


class StackExists(StackInvalid):
    """What was to be made is there already."""


class StackAwaited(StackInvalid):
    """Another stack, whose outputs are needed, is not there yet, or does not give what is needed."""


class StackRefused(StackError):
    """What was asked for would remove what is protected."""


class StackUnavailable(StackError):
    """The state is locked, the cloud lets nobody in, or it failed: the same again may succeed later."""


class StackLocked(StackUnavailable):
    """Another update holds the lock of the state, or one that was killed left it; ``holders`` are their processes."""

    def __init__(self, message: str, remedy: str | None = None, holders: tuple[int, ...] = ()) -> None:
        super().__init__(message, remedy)
        self.holders = holders


class StackInterrupted(StackError):
    """Somebody stopped it; what was under way was finished."""
