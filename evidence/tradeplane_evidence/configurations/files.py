"""Files that are no specification, a model or a policy, as the ledger has them: each version of one is an entry.

No API server has them, so that nobody but who registers one says that it is there, or who they are: all of it is
claimed. An object of the kind ``File`` stands for a name in a namespace, and its generations count what was registered.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tradeplane_evidence.configurations.versions import Version, versions_of
from tradeplane_evidence.ledger.appending import append, utc_now
from tradeplane_evidence.ledger.events import Action, Claimed, Event, ObjectReference
from tradeplane_evidence.ledger.heads import moment_of
from tradeplane_evidence.ledger.reading import entries_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Engine

FILE = "File"
FILE_API_VERSION = "evidence.tradeplane.dev/v1"


def file_of(namespace: str, name: str) -> ObjectReference:
    """Return what stands for a file in the ledger; its UID follows from its name, as no API server gave it one."""
    uid = hashlib.sha256(f"{namespace}/{name}".encode()).hexdigest()
    return ObjectReference(api_version=FILE_API_VERSION, kind=FILE, namespace=namespace, name=name, uid=uid)


def register_file(
    engine: Engine, file: ObjectReference, digest: str, by: str, clock: Callable[[], datetime] = utc_now
) -> Version:
    """Enter that a file has the payload of a digest from now on, and return that version of it.

    What is its newest version already is entered no second time. ``by``: who registers it, by their own word. Raises
    LedgerBroken, LedgerRefused, LedgerUnavailable.
    """
    known = _versions(engine, file)
    if not known or known[-1].digest != digest:
        earlier = any(one.digest == digest for one in known)
        event = Event(
            action=Action.ROLLED_BACK if earlier else Action.APPLIED,
            object=file,
            actor=Claimed(by=by),
            occurred=moment_of(clock()),
            generation=len(known) + 1,
            configuration=digest,
        )
        append(engine, [event])
        known = _versions(engine, file)
    return next(one for one in reversed(known) if one.digest == digest)


def _versions(engine: Engine, file: ObjectReference) -> tuple[Version, ...]:
    return versions_of(entries_of(engine, file.kind, file.namespace, file.name))
