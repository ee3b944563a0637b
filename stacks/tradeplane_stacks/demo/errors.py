"""What goes wrong in the demo."""


class DemoError(Exception):
    """A stage could not do its work.

    Args:
        cause: what was wrong, naming the thing.
        remedy: what to do about it.

    """

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(f"{cause}\n{remedy}")
        self.cause = cause
        self.remedy = remedy
