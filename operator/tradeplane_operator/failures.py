"""Failures of tasks that run together, told as if there were one.

Tasks of a group fail as a group. That is for whoever ran them to know, and who called that expects one exception. A
bare one that an ``except*`` block raises is put into another group by Python before 3.11.4, Debian 12's and so the
images' among them (https://github.com/python/cpython/issues/103590): nothing is raised within such a block here.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

Failure = TypeVar("Failure", bound=Exception)


@contextmanager
def alone(kind: type[Failure]) -> Iterator[None]:
    """Raise the first failure of a kind by itself; what else failed, where there is such, is raised in its group."""
    failed: list[BaseException] = []
    try:
        yield
    except* kind as failures:
        failed.append(failures)
    if failed:
        raise first(failed[0]) from None


def first(failure: BaseException) -> BaseException:
    """Return the first failure of a group, or of groups of groups; one that is no group is its own first."""
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure
