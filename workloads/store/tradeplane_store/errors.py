"""What can go wrong between us and a store, told apart by what a person does about it."""

from __future__ import annotations


class StoreError(Exception):
    """Base of every error of a store; the message names the object, what was wrong and the remedy."""


class NotFound(StoreError):
    """There is no object of this name."""


class AlreadyExists(StoreError):
    """An object of this name is there already, and was left as it is."""


class StoreUnavailable(StoreError):
    """The store could not be reached, refused us, or gave up within the limits on time and retries."""


class DeletionRefused(StoreError):
    """The store keeps an object that was to be deleted: it is retained there, or nobody may delete it by our hand."""


class StoreFull(StoreError):
    """The store has no room left, or a quota on it is used up."""


class TooLarge(StoreError):
    """An object is larger than the reader's limit, and was not read."""


class InvalidPath(StoreError, ValueError):
    """A name that cannot be an object's: empty, absolute, or leading out of the store."""


class InvalidStore(StoreError, ValueError):
    """A store URL or its settings that cannot be used as they stand."""
