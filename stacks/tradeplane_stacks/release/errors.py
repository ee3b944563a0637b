"""What goes wrong with releases."""


class ReleaseError(Exception):
    """A release could not be built; the message names what is in the way and what to do about it."""
