"""How requests to the API server fail, told apart by what the loop does about it."""

from __future__ import annotations


class ApiError(Exception):
    """The API server answered with an error. ``status`` is HTTP's, ``reason`` the Status object's."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


class Conflict(ApiError):
    """Written against an old resourceVersion: observe again."""


class AlreadyExists(ApiError):
    """There is one of this name."""


class NotFound(ApiError):
    """There is none of this name."""


class Gone(ApiError):
    """What was asked for is history that the API server no longer keeps: begin with a new list."""


class Refused(ApiError):
    """The request as it stands will not be accepted: a quota, a policy, an invalid field, a missing namespace."""


class ApiUnavailable(ApiError):
    """The API server cannot be reached or is overloaded: try later. ``retry_after`` in seconds where it said so."""

    def __init__(self, message: str, status: int = 0, retry_after: float = 0.0) -> None:
        super().__init__(status, "Unavailable", message)
        self.retry_after = retry_after


class NotLeading(Exception):
    """This replica may not write: its leadership has ended or was never had."""
