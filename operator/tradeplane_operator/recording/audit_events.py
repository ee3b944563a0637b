"""What an API server's audit log says that somebody did. Pure: from the bytes of an ``EventList`` to deeds.

A deed is what a request did to one object, by whom the API server identified. Not every event is one: what was refused,
what only tried (dry runs), what wrote a status, or metadata alone, did nothing that the ledger has a word for. What
should be one and cannot be read is told by itself, with why, and keeps nothing else out; the watch sees what it did.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson
from tradeplane_api.base import API_VERSION, GROUP
from tradeplane_api.kinds import KINDS
from tradeplane_evidence.configurations.documents import Configuration
from tradeplane_evidence.errors import Malformed
from tradeplane_evidence.ledger.events import Action, Authenticated, Event, ObjectReference
from tradeplane_evidence.ledger.heads import moment_of
from tradeplane_evidence.statements.statement import parsed

from tradeplane_operator.recording.json_pieces import MAX_STEPS, Piece, listed, top
from tradeplane_operator.recording.policy_kinds import POLICY_KINDS
from tradeplane_operator.recording.sightings import MAX_NOTE, action_of, only_deleted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_EVENTS = 10_000
"""Events of one list; an API server sends 400 unless it is told otherwise."""
_LIST = ("EventList", "audit.k8s.io/v1")
_WRITES = frozenset({"create", "update", "patch"})
_DELETES = frozenset({"delete", "deletecollection"})
_POLICIES = {(kind.group, kind.plural): kind for kind in POLICY_KINDS}
_KINDS = {(GROUP, kind.plural): (API_VERSION, kind.name) for kind in KINDS} | {
    place: (kind.api_version, kind.kind) for place, kind in _POLICIES.items()
}
_GROUPS = {group for group, _ in _KINDS}
_NO_SPECIFICATION = frozenset({"metadata", "status", "apiVersion", "kind"})
"""Fields of an object whose change gives it no other generation."""
_CREATED = 201
_FIRST = 1
"""The generation of an object that was created."""
_HIDDEN = "the client asked for an answer without the specification"
_FINALIZERS = "it is gone once its finalizers are"
_SHOWN = 64


@dataclass(frozen=True, slots=True)
class Deed:
    """What a request did to one object: an ``APPLIED`` gave it the generation that it names, or another did before.

    ``configuration`` is None where the answer had no specification. ``terminating``: it was being deleted already.
    """

    action: Action
    object: ObjectReference
    actor: Authenticated
    occurred: str
    generation: int | None = None
    configuration: Configuration | None = None
    terminating: bool = False
    note: str | None = None


@dataclass(slots=True)
class Told:
    """What a list of events says: deeds in the order in which they ended, and what could not be read, in words."""

    deeds: list[Deed] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    passed: int = 0
    """Events that say nothing to the ledger."""


class _Passed(Exception):
    """An event that is no deed."""


def told(data: bytes) -> Told:
    """Return what the bytes of an ``EventList`` say. Raises Malformed where they are none."""
    found = Told()
    for piece in _events(data):
        if not any(
            piece.names(group.encode()) for group in _GROUPS
        ):  # an API server may be told to say more than is asked for here
            found.passed += 1
            continue
        fields: dict[str, Any] = {}
        try:
            fields = _fields(piece)
            found.deeds += _deeds(fields)
        except _Passed:
            found.passed += 1
        except Malformed as error:
            found.refused.append(f"event {_shown(fields.get('auditID'))}: {error}")
    found.deeds.sort(key=lambda deed: deed.occurred)
    return found


def is_told(deed: Deed, known: Mapping[int | None, str]) -> bool:
    """Say whether the ledger has it on authority who did this.

    ``known``: when what is authenticated of its object occurred, by generation, and under None its deletion. An API
    server tells its events in about their order: a request that ended before the one that stands there is not told.
    """
    return deed.generation in known and known[deed.generation] <= deed.occurred


def entry_of(deed: Deed, digest: str | None, configurations: Mapping[int, str | None]) -> Event | None:
    """Return the event that the ledger is to have of a deed; None where it changed nothing.

    ``digest``: of its specification. ``configurations``: what was applied to its object, by generation.
    """
    action = deed.action
    if deed.generation is not None:
        if deed.terminating and only_deleted(deed.generation, digest, configurations):
            return None
        action = action_of(deed.generation, digest, configurations)
    return Event(
        action=action,
        object=deed.object,
        actor=deed.actor,
        occurred=deed.occurred,
        generation=deed.generation,
        configuration=digest,
        note=deed.note,
    )


def completed(deed: Deed, seen: Configuration) -> Deed:
    """Return a deed whose answer had no specification, with the one that a watch showed of the generation."""
    return replace(deed, configuration=seen, note=_note(deed.note, "it is as it was seen"))


def noted(deed: Deed, words: str) -> Deed:
    """Return a deed with more in its note."""
    return replace(deed, note=_note(deed.note, words))


def _events(data: bytes) -> list[Piece]:
    told_of, events = listed(data, "what was sent", "items")
    if (told_of.get("kind"), told_of.get("apiVersion")) != _LIST:
        raise Malformed(f"what was sent is no {_LIST[0]} of {_LIST[1]}")
    if not all(isinstance(one, Piece) for one in events):
        raise Malformed("items of what was sent is no list of events")
    if len(events) > MAX_EVENTS:
        raise Malformed(f"{len(events):,} events are more than {MAX_EVENTS:,}; set --audit-webhook-batch-max-size")
    return events


def _fields(event: Piece) -> dict[str, Any]:
    if event.steps > MAX_STEPS:
        raise Malformed("what a client sent is nested so that it is not read")
    return _object(top(event, "an event"), "an event")


def _deeds(event: Mapping[str, Any]) -> Iterator[Deed]:
    """Yield what an event says was done. Raises _Passed, Malformed."""
    if event.get("stage") != "ResponseComplete" or event.get("verb") not in _WRITES | _DELETES:
        raise _Passed
    place = _read(event, "objectRef")
    code = _read(event, "responseStatus").get("code")
    if (
        place.get("apiGroup") not in _GROUPS
        or place.get("subresource")
        or not isinstance(code, int)
        or code // 100 != 2
    ):
        raise _Passed
    if place["apiGroup"] != GROUP and _at(place) not in _KINDS:
        raise _Passed  # another kind of a group that is not ours alone
    deletes = event["verb"] in _DELETES
    if _is_dry_run(event, deletes=deletes):
        raise _Passed
    if event.get("level") != "RequestResponse" or not isinstance(event.get("responseObject"), Piece):
        why = "cut off as too large (--audit-webhook-truncate-max-event-size)" if _is_truncated(event) else "not told"
        raise Malformed(f"the answer was {why}; the audit policy must say RequestResponse of {place['apiGroup']}")
    if _at(place) not in _KINDS:
        raise Malformed(f"{_shown(place.get('resource'))} is of no kind that is known here")
    by = _actor(event)
    if deletes:
        yield from _deleted(event, place, by)
    elif code == _CREATED or not _leaves_specification(event):
        yield from _applied(event, place, by, created=code == _CREATED)
    else:
        raise _Passed


@dataclass(frozen=True, slots=True)
class _By:
    actor: Authenticated
    occurred: str
    note: str | None


def _actor(event: Mapping[str, Any]) -> _By:
    """Return who did it: as whom they acted, where they acted as somebody else, and then by whom in the note."""
    user, note = _read(event, "user"), None
    if event.get("impersonatedUser") is not None:
        note = _note(None, f"impersonated by {user.get('username')}")
        user = _read(event, "impersonatedUser")
    told_of = {
        "user": user.get("username"),
        "groups": [] if user.get("groups") is None else user["groups"],
        "audit_id": event.get("auditID"),
    }
    return _By(parsed(Authenticated, told_of, "who did it"), _moment(event.get("stageTimestamp")), note)


def _applied(event: Mapping[str, Any], place: Mapping[str, Any], by: _By, *, created: bool) -> Iterator[Deed]:
    told_of = _object(top(event["responseObject"], "the answer"), "the answer")
    answer = _of_table(told_of) if told_of.get("kind") == "Table" else told_of
    metadata = _read(answer, "metadata")
    _pass_others(place, metadata)
    generation = metadata.get("generation")
    if isinstance(generation, bool) or not isinstance(generation, int) or not 0 < generation < 2**53:
        raise Malformed("the answer has no generation")
    if generation == _FIRST and not created:
        raise _Passed  # what created it gave it that
    note, configuration = by.note, None
    if answer.get("kind") == "PartialObjectMetadata":
        note = _note(note, _HIDDEN)
    elif (answer.get("apiVersion"), answer.get("kind")) != _KINDS[_at(place)]:
        raise Malformed(f"the answer is a {_shown(answer.get('kind'))} of {_shown(answer.get('apiVersion'))}")
    else:
        try:
            spec = _as_watched(answer.get("spec"))
            configuration = Configuration(api_version=answer["apiVersion"], kind=answer["kind"], spec=spec)
        except Malformed as error:
            note = _note(note, f"the specification was not kept: {error}")
    yield Deed(
        Action.APPLIED,
        _reference(place, metadata),
        by.actor,
        by.occurred,
        generation,
        configuration,
        terminating=metadata.get("deletionTimestamp") is not None,
        note=note,
    )


def _deleted(event: Mapping[str, Any], place: Mapping[str, Any], by: _By) -> Iterator[Deed]:
    answer = _object(top(event["responseObject"], "the answer"), "the answer")
    if event["verb"] == "deletecollection":
        for metadata in (_read(item, "metadata") for item in _listed(answer)):
            kind = _POLICIES.get(_at(place))
            if kind is None or kind.is_ours(metadata):
                yield _deletion(place, by, metadata)
    elif answer.get("kind") == "Status":
        details = _read(answer, "details")
        _pass_others(place, details)
        yield _deletion(place, by, {**details, "namespace": place.get("namespace")})
    else:
        one = answer if answer.get("kind") != "Table" else _of_table(answer)
        metadata = _read(one, "metadata")
        _pass_others(place, metadata)
        yield _deletion(place, by, metadata)


def _at(place: Mapping[str, Any]) -> tuple[str, str]:
    return str(place.get("apiGroup")), str(place.get("resource"))


def _pass_others(place: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    """Pass over a policy that is not ours, or of which it is not told whose it is. Raises _Passed."""
    kind = _POLICIES.get(_at(place))
    if kind is not None and not kind.is_ours(metadata):
        raise _Passed


def _deletion(place: Mapping[str, Any], by: _By, metadata: Mapping[str, Any]) -> Deed:
    note = _note(by.note, _FINALIZERS) if metadata.get("finalizers") else by.note
    return Deed(Action.DELETED, _reference(place, metadata), by.actor, by.occurred, note=note)


def _of_table(table: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the object of a table of one, which is its metadata unless the client asked for more, or for nothing."""
    rows = list(_listed(table))
    if len(rows) != 1:
        raise Malformed("the answer is a table, and not of one object")
    return rows[0]


def _listed(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a list, or of a table."""
    table = answer.get("kind") == "Table"
    members = answer.get("rows" if table else "items")
    if members is None:
        return
    listed = top(_piece(members, "the list of the answer"), "the list of the answer")
    if not isinstance(listed, list):
        raise Malformed("the list of the answer is none")
    for member in listed:
        one = _object(top(_piece(member, "an item"), "an item"), "an item")
        yield _object(top(_piece(one.get("object"), "the object of a row"), "a row"), "a row") if table else one


def _reference(place: Mapping[str, Any], metadata: Mapping[str, Any]) -> ObjectReference:
    api_version, kind = _KINDS[_at(place)]
    said = {
        "api_version": api_version,
        "kind": kind,
        "namespace": metadata.get("namespace") or "",
        "name": metadata.get("name"),
        "uid": metadata.get("uid"),
    }
    return parsed(ObjectReference, said, "the answer's object")


def _is_dry_run(event: Mapping[str, Any], *, deletes: bool) -> bool:
    """Say whether it only tried. Where a deletion has a body, the API server passes over its query: so does this."""
    request = event.get("requestObject")
    if deletes and request is not None:
        return bool(_object(_value(request, "the options of a deletion"), "the options of a deletion").get("dryRun"))
    query = str(event.get("requestURI")).partition("?")[2]
    return "All" in parse_qs(query).get("dryRun", ())  # the one value there is; pairs that Go does not read are none


def _leaves_specification(event: Mapping[str, Any]) -> bool:
    """Say whether a write cannot have changed a specification: its patch names nothing but metadata and status."""
    request = event.get("requestObject")
    if event["verb"] != "patch" or not isinstance(request, Piece):
        return False
    try:
        patch = top(request, "the patch")
        if isinstance(patch, dict):
            return _NO_SPECIFICATION.issuperset(patch)
        steps = [_object(_value(step, "a step"), "a step") for step in patch]
    except Malformed:
        return False
    paths = [step.get(name) for step in steps for name in ("path", "from") if name in step]
    return all(isinstance(path, str) and path.split("/")[1:2] in (["metadata"], ["status"]) for path in paths)


def _is_truncated(event: Mapping[str, Any]) -> bool:
    annotations = event.get("annotations")
    return isinstance(annotations, Piece) and annotations.names(b'"audit.k8s.io/truncated"')


def _read(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    return _object(_piece(fields.get(name), name).read(name), name)


def _as_watched(value: Any) -> Any:
    """Return a specification read as the watch reads it, so that it has the same digest."""
    try:
        return orjson.loads(bytes(value)) if isinstance(value, Piece) else value
    except orjson.JSONDecodeError as error:
        raise Malformed(f"the specification is not JSON that can be read: {error}") from error


def _value(value: Any, what: str) -> Any:
    return value.read(what) if isinstance(value, Piece) else value


def _piece(value: Any, what: str) -> Piece:
    if not isinstance(value, Piece):
        raise Malformed(f"{what}: nothing is there to be read")
    return value


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(f"{what} is no object")
    return value


def _moment(text: Any) -> str:
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise Malformed(f"stageTimestamp is no time: {_shown(text)}") from error
    if found.tzinfo is None:
        raise Malformed(f"stageTimestamp names no zone: {_shown(text)}")
    return moment_of(found)


def _note(first: str | None, words: str) -> str:
    text = words if first is None else f"{first}; {words}"
    return text if len(text) <= MAX_NOTE else text[: MAX_NOTE - 3] + "..."


def _shown(value: Any) -> str:
    return repr(value)[:_SHOWN]
