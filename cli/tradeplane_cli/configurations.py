"""The registry of configurations as the commands show it."""

from __future__ import annotations

import getpass
import json
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from tradeplane_api.base import GROUP
from tradeplane_api.kinds import KINDS
from tradeplane_evidence.configurations.differences import Difference, Kind, differences
from tradeplane_evidence.configurations.documents import Configuration, configuration_of
from tradeplane_evidence.configurations.files import FILE, file_of, register_file
from tradeplane_evidence.configurations.payloads import MAX_PAYLOAD_BYTES, Payloads
from tradeplane_evidence.configurations.versions import Version, version, versions_of
from tradeplane_evidence.errors import DigestMismatch
from tradeplane_evidence.ledger.database import asking
from tradeplane_evidence.ledger.events import Authenticated
from tradeplane_evidence.ledger.reading import entries_of
from tradeplane_store.objects import open_store

from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.ledger import opened
from tradeplane_cli.printing import columns, pairs, printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine
    from tradeplane_evidence.ledger.events import Claimed, ObjectReference

_OBJECT = re.compile(r"([A-Za-z][A-Za-z0-9.-]*)/([A-Za-z0-9][A-Za-z0-9._-]{0,252})(?:@([0-9]{1,9}))?")
_MAX_SHOWN = 60
"""Characters of a value in a table; ``-o json`` has all of it."""


@dataclass(frozen=True, slots=True)
class Named:
    """An object by its name, and a version of it where one is asked for."""

    kind: str
    namespace: str
    name: str
    number: int | None

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Found:
    """A configuration that was read: its digest, and what it is a version of where it was asked for so."""

    digest: str
    configuration: Configuration
    of: Named | None
    version: Version | None

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        found = self.configuration
        return {
            "digest": self.digest,
            "version": None if self.version is None else self.version.number,
            "apiVersion": found.api_version,
            "kind": found.kind,
            "spec": found.spec,
        }

    def as_text(self) -> str:
        """YAML for people, its digest above it."""
        import yaml

        found = self.configuration
        document = {"apiVersion": found.api_version, "kind": found.kind, "spec": found.spec}
        return f"# {self.digest}\n" + yaml.safe_dump(document, sort_keys=False, allow_unicode=True).rstrip()

    def manifest(self) -> str:
        """Return the object as YAML to be applied. Raises CommandFailure where it was asked for by digest alone."""
        import yaml

        if self.of is None or self.version is None:
            raise CommandFailure(
                "a digest does not say which object is to have it",
                remedy="name it: tradeplane config rollback KIND/NAME@2",
            )
        metadata = {"name": self.of.name, **({"namespace": self.of.namespace} if self.of.namespace else {})}
        found = self.configuration
        document = {"apiVersion": found.api_version, "kind": found.kind, "metadata": metadata, "spec": found.spec}
        head = f"# {self.of} as of version {self.version.number}, {self.digest}\n"
        return head + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


@dataclass(frozen=True, slots=True)
class History:
    """The versions of an object."""

    of: Named
    versions: tuple[Version, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        return {
            "kind": self.of.kind,
            "namespace": self.of.namespace,
            "name": self.of.name,
            "versions": [
                {
                    "version": one.number,
                    "digest": one.digest,
                    "uid": one.event.object.uid,
                    "generation": one.event.generation,
                    "action": one.event.action.value,
                    "occurred": one.event.occurred,
                    "entry": one.entries[0].sequence,
                    "by": _actor_json(one.actor),
                }
                for one in self.versions
            ],
        }

    def as_text(self) -> str:
        """Return a table for people."""
        rows = [
            (
                str(one.number),
                one.event.action.value,
                one.event.occurred[:19] + "Z",
                printable(_actor_text(one.actor)),
                one.digest,
            )
            for one in self.versions
        ]
        return columns(("version", "action", "occurred", "by", "digest"), rows)


@dataclass(frozen=True, slots=True)
class Compared:
    """What differs between two configurations."""

    before: Found
    after: Found
    found: tuple[Difference, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        return {
            "same": not self.found,
            "before": self.before.digest,
            "after": self.after.digest,
            "differences": [
                {
                    "field": one.path,
                    "kind": one.kind.value,
                    **({} if one.kind is Kind.ADDED else {"before": one.before}),
                    **({} if one.kind is Kind.REMOVED else {"after": one.after}),
                }
                for one in self.found
            ],
        }

    def as_text(self) -> str:
        """Lines for people: one a field."""
        if not self.found:
            return f"the same: {self.before.digest}"
        return "\n".join(_line(one) for one in self.found)


@dataclass(frozen=True, slots=True)
class Registered:
    """A file that is kept, and the version of it that it is."""

    file: ObjectReference
    version: Version
    size: int

    def as_json(self) -> dict[str, Any]:
        """Return the fields that docs/cli.md states."""
        return {
            "digest": self.version.digest,
            "bytes": self.size,
            "namespace": self.file.namespace,
            "name": self.file.name,
            "version": self.version.number,
            "entry": self.version.entries[0].sequence,
        }

    def as_text(self) -> str:
        """Return lines for people."""
        return pairs([(name.capitalize(), f"{value}") for name, value in self.as_json().items()])


def history(database: Path | None, target: str, namespace: str) -> History:
    """Return the versions of an object. Raises what the rooms below raise, NotAttested where there are none."""
    of = _named(target, namespace)
    with opened(database) as engine:
        found = _versions(engine, of)
    version(found, None, str(of))
    return History(of, found)


def show(database: Path | None, store: str | None, target: str, namespace: str) -> Found:
    """Return one configuration, by digest or by version. Raises what the rooms below raise."""
    with _payloads(database, store) as (engine, payloads):
        return _found(engine, payloads, target, namespace)


def compare(database: Path | None, store: str | None, targets: tuple[str, str], namespace: str) -> Compared:
    """Compare two configurations. Raises what the rooms below raise."""
    with _payloads(database, store) as (engine, payloads):
        before, after = (_found(engine, payloads, target, namespace) for target in targets)
    found = differences(_document(before), _document(after))
    return Compared(before, after, tuple(found))


def register(database: Path | None, store: str | None, file: Path, namespace: str, name: str | None) -> Registered:
    """Keep the bytes of a file, and enter them as a version of it. Raises what the rooms below raise."""
    reference = _file(file, namespace, name)
    try:
        with file.open("rb") as opened_file:
            data = opened_file.read(MAX_PAYLOAD_BYTES + 1)
    except OSError as error:
        raise CommandFailure(f"{file} cannot be read: {error.strerror}") from error
    with _payloads(database, store) as (engine, payloads):
        digest = payloads.put(data)
        return Registered(reference, register_file(engine, reference, digest, _who(engine)), len(data))


def _file(file: Path, namespace: str, name: str | None) -> ObjectReference:
    found = _OBJECT.fullmatch(f"{FILE}/{file.name if name is None else name}")
    if found is None or found[3] is not None:
        raise CommandFailure(
            f"{(file.name if name is None else name)!r} is no name of a file in the ledger",
            remedy="give it one of letters, digits, dots, dashes and underscores: --name macd-model.onnx",
        )
    return file_of(namespace, found[2])


def _who(engine: Engine) -> str:
    """Return who is logged in to this machine, and by which role to the database: nobody vouches for the first."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # in a container that knows no such user
        user = f"user {os.getuid()}"
    with asking(engine) as connection:
        role = connection.execute(select(func.current_user())).scalar_one()
    return f"{user}, by the database's role {role}"


@contextmanager
def _payloads(database: Path | None, store: str | None) -> Iterator[tuple[Engine, Payloads]]:
    with opened(database) as engine:
        yield engine, Payloads(engine, None if store is None else open_store(store))


def _found(engine: Engine, payloads: Payloads, target: str, namespace: str) -> Found:
    if target.startswith("sha256:"):
        return Found(target, configuration_of(payloads.get(target), f"the payload {target}"), None, None)
    of = _named(target, namespace)
    wanted = version(_versions(engine, of), of.number, str(of))
    if of.kind == FILE:
        raise CommandFailure(
            f"{of} is a file, and no specification: version {wanted.number} of it is {wanted.digest}",
            remedy="compare digests: tradeplane config history lists them; to go back, register the earlier file again",
        )
    configuration = configuration_of(payloads.get(wanted.digest), f"version {wanted.number} of {of}")
    stated = wanted.event.object
    if (configuration.api_version, configuration.kind) != (stated.api_version, stated.kind):
        raise DigestMismatch(
            f"version {wanted.number} of {of} is recorded as a {stated.kind} ({stated.api_version}), and the payload "
            f"{wanted.digest} is of a {configuration.kind} ({configuration.api_version}): one of them is a forgery"
        )
    return Found(wanted.digest, configuration, of, wanted)


def _versions(engine: Engine, of: Named) -> tuple[Version, ...]:
    return versions_of(entries_of(engine, of.kind, of.namespace, of.name))


def _named(target: str, namespace: str) -> Named:
    found = _OBJECT.fullmatch(target)
    if found is None:
        raise CommandFailure(
            f"{target!r} names no configuration",
            remedy="write a digest (sha256:...), KIND/NAME, or KIND/NAME@VERSION such as strategy/sp500-macd@3",
        )
    kind, name, number = found.groups()
    return Named(_kind(kind), namespace, name, None if number is None else int(number))


def _kind(word: str) -> str:
    """Return a kind by what kubectl takes for it: Strategy, strategy, strategies, strat, strategies.tradeplane.dev."""
    asked = word.lower()
    if asked in {FILE.lower(), f"{FILE.lower()}s"}:
        return FILE
    for kind in KINDS:
        if asked in {kind.name.lower(), kind.plural, f"{kind.plural}.{GROUP}", *kind.short_names}:
            return kind.name
    return word


def _document(found: Found) -> dict[str, Any]:
    configuration = found.configuration
    return {"apiVersion": configuration.api_version, "kind": configuration.kind, "spec": configuration.spec}


def _line(one: Difference) -> str:
    path = printable(one.path)
    if one.kind is Kind.ADDED:
        return f"+ {path}: {_value(one.after)}"
    if one.kind is Kind.REMOVED:
        return f"- {path}: {_value(one.before)}"
    return f"  {path}: {_value(one.before)} -> {_value(one.after)}"


def _value(value: Any) -> str:
    text = printable(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 1]}…"


def _actor_text(actor: Authenticated | Claimed) -> str:
    return f"{actor.user} (authenticated)" if isinstance(actor, Authenticated) else f"{actor.by} (claimed)"


def _actor_json(actor: Authenticated | Claimed) -> dict[str, Any]:
    return {"authenticated" if isinstance(actor, Authenticated) else "claimed": actor.plain()}
