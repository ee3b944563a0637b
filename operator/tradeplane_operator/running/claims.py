"""Claiming signed bundles before they are pushed, in an object of the API server (``tradeplane_evidence.publishing``).

All attestations that go on at once share the object, and what is to be claimed within a moment is one write, which
takes away, too, what was pushed since the last. So the last claims stand there until the next write; whoever leads next
pushes them again, which changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING

from tradeplane_evidence.errors import Malformed, PolicyRefused, RegistryRefused
from tradeplane_evidence.publishing import ClaimsChanged, ClaimsUnavailable, Unpublished, publish
from tradeplane_evidence.signed_referrers import NOT_OURS
from tradeplane_evidence.signing.signer import payload_signed_by
from tradeplane_evidence.statements.statement import parse_statement

from tradeplane_operator.acting.claimed_bundles import NAME, ClaimedBundles
from tradeplane_operator.acting.errors import ApiError, Conflict, NotFound, NotLeading
from tradeplane_operator.planning.claim_documents import MOST_BYTES, key_of, packed, read, subject_of, written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradeplane_evidence.registry.client import Registry
    from tradeplane_evidence.registry.references import Reference
    from tradeplane_evidence.signing.batches import Signing

    from tradeplane_operator.planning.claim_documents import ClaimedSubject

log = logging.getLogger(__name__)
_GATHER_S = 0.1
"""How long a claim waits for others to be written with it: a write a run is what the API server is spared."""
_AT_ONCE = 8
"""Left claims that are pushed at the same time."""


class _State(Enum):
    GOING = "being pushed"
    LEFT = "to be pushed by whoever settles next"
    PUSHED = "in the registry"


@dataclass(slots=True)
class _Held:
    """A bundle that is claimed, and how far each thing is that it is to be hung on."""

    bundle: bytes
    packed: str
    subjects: dict[ClaimedSubject, _State] = field(default_factory=dict)

    def value(self) -> str:
        return written(self.packed, self.subjects)

    def over(self) -> bool:
        return all(state is _State.PUSHED for state in self.subjects.values())


@dataclass(slots=True, eq=False)
class _Waiting:
    """A claim that waits to be written. ``end``: whether it was, or why not."""

    unpublished: Unpublished
    reading: int
    end: bool | Exception | None = None


@dataclass(slots=True)
class SharedClaims:
    """The claims of all who attest, as this process knows them."""

    bundles: ClaimedBundles
    _version: str | None = None
    """resourceVersion of the object; None where it is to be read again."""
    _reading: int = 0
    _held: dict[str, _Held] = field(default_factory=dict)
    _refused: dict[ClaimedSubject, RegistryRefused] = field(default_factory=dict)
    _waiting: list[_Waiting] = field(default_factory=list)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _freed: asyncio.Event = field(default_factory=asyncio.Event)

    async def settle(self, registry: Registry, signing: Signing, place: Reference) -> int:
        """Push what was left; return the number of the reading.

        Raises ClaimsUnavailable, and what the registry raises; RegistryRefused of what is left for this place alone.
        """
        for one in [one for one in self._refused if one.of(place)]:
            del self._refused[one]  # it is tried again by each attempt at its own place
        if self._version is None or self._left():
            async with self._turn:
                if self._version is None:
                    await self._read()
                await self._push_left(registry, signing)
        refused = next((error for one, error in self._refused.items() if one.of(place)), None)
        if refused is not None:
            raise refused
        return self._reading

    async def claim(self, unpublished: Unpublished, reading: int) -> bool:
        """Claim; return False for what no claim has room for. Raises ClaimsChanged, ClaimsUnavailable, NotLeading."""
        alone = written(packed(unpublished.bundle), [subject_of(unpublished)])
        if len(alone) > MOST_BYTES:
            log.warning("no claim has room for what was signed of %s", unpublished.subject)
            return False
        own = _Waiting(unpublished, reading)
        self._waiting.append(own)
        try:
            while own.end is None:
                async with self._turn:
                    room = own.end is not None or await self._write_what_waits()
                if not room:
                    await self._freed.wait()
        finally:
            if own in self._waiting:
                self._waiting.remove(own)
        if isinstance(own.end, Exception):
            raise own.end
        return own.end

    def published(self, unpublished: Unpublished) -> None:
        """Take a claim away with the next write: it is in the registry."""
        self._is_now(unpublished, _State.PUSHED)

    def left(self, unpublished: Unpublished) -> None:
        """Have a claim pushed by whoever settles next: it could not be."""
        self._is_now(unpublished, _State.LEFT)

    def _is_now(self, unpublished: Unpublished, state: _State) -> None:
        held = self._held.get(key_of(unpublished.bundle))
        if held is not None and subject_of(unpublished) in held.subjects:
            held.subjects[subject_of(unpublished)] = state
        self._freed.set()

    async def _read(self) -> None:
        """Read what is claimed: all of it is left, by whomever, and our own that is being pushed is pushed twice."""
        try:
            version, data = await self.bundles.read()
        except NotFound as error:
            raise ClaimsUnavailable(
                f"there is no ConfigMap {NAME} to claim in what is signed ({error}): apply "
                "operator/deploy/components/evidence, whose Role lets the operator use it"
            ) from error
        except ApiError as error:
            raise ClaimsUnavailable(f"what is claimed cannot be read: {error}") from error
        self._held, self._refused = {}, {}
        for key, value in data.items():
            try:
                bundle, subjects = read(key, value)
            except Malformed as error:
                log.warning("left out, and taken away: %s", error)
                bundle, subjects = b"", []
            self._held[key] = _Held(bundle, packed(bundle), dict.fromkeys(subjects, _State.LEFT))
        self._version, self._reading = version, self._reading + 1

    def _left(self) -> list[tuple[_Held, ClaimedSubject]]:
        return [
            (held, one)
            for held in self._held.values()
            for one, state in held.subjects.items()
            if state is _State.LEFT and one not in self._refused
        ]

    async def _push_left(self, registry: Registry, signing: Signing) -> None:
        left = self._left()
        for start in range(0, len(left), _AT_ONCE):
            some = left[start : start + _AT_ONCE]
            await asyncio.gather(*(self._push(held, one, registry, signing) for held, one in some))

    async def _push(self, held: _Held, one: ClaimedSubject, registry: Registry, signing: Signing) -> None:
        """Push a claim that was left, unless it is none of ours. Raises RegistryUnavailable."""
        try:
            await _publish_left(held.bundle, one, registry, signing)
            log.info("pushed what was claimed and left", extra={"subject": one.subject})
        except NOT_OURS as error:
            log.warning("a claim that is not by who signs now is taken away: %s", error, extra={"subject": one.subject})
        except RegistryRefused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                self._refused[one] = error
                return
            log.warning("a claim on what is not in the registry is taken away: %s", error)
        held.subjects[one] = _State.PUSHED

    async def _write_what_waits(self) -> bool:
        """Write all that waits and has room; return whether there was any. Who waits stays until told how it ended."""
        await asyncio.sleep(_GATHER_S)
        for one in self._waiting:
            if self._version is None or one.reading != self._reading:
                one.end = ClaimsChanged("others have claimed since")
        waiting = [one for one in self._waiting if one.end is None]
        some = self._with_room(waiting)
        if some:
            await self._write(some)
        self._waiting = [one for one in self._waiting if one.end is None]
        return bool(some) or not waiting or self._is_full()

    def _is_full(self) -> bool:
        """Tell all that wait where nothing that is held will make room; else they wait until something was pushed."""
        states = [state for held in self._held.values() for state in held.subjects.values()]
        if _State.GOING in states:
            self._freed.clear()
            return False
        for one in self._waiting:
            one.end = ClaimsUnavailable(f"ConfigMap {NAME} is full of what the registry does not take")
        self._waiting = []
        return True

    def _with_room(self, waiting: Sequence[_Waiting]) -> list[_Waiting]:
        """Return who of those that wait has room beside what is held, the first first."""
        sizes = {key: len(held.value()) for key, held in self._held.items() if not held.over()}
        found = []
        for one in waiting:
            bundle, subject = one.unpublished.bundle, subject_of(one.unpublished)
            key = key_of(bundle)
            more = len(written("" if key in sizes else packed(bundle), [subject]))
            if sum(sizes.values()) + more > MOST_BYTES:
                break
            sizes[key] = sizes.get(key, 0) + more
            found.append(one)
        return found

    async def _write(self, some: Sequence[_Waiting]) -> None:
        if self._version is None:
            raise AssertionError("nothing has room before it is known what is claimed")
        held = {key: _Held(one.bundle, one.packed, dict(one.subjects)) for key, one in self._held.items()}
        over = [key for key, one in held.items() if one.over()]
        changes: dict[str, str | None] = dict.fromkeys(over)
        for key in over:
            del held[key]
        for one in some:
            bundle, key = one.unpublished.bundle, key_of(one.unpublished.bundle)
            held.setdefault(key, _Held(bundle, packed(bundle))).subjects[subject_of(one.unpublished)] = _State.GOING
        changes |= {key: held[key].value() for key in {key_of(one.unpublished.bundle) for one in some}}
        end: bool | Exception = True
        version: str | None = None  # whatever becomes of it, it is not known before the answer
        try:
            version = await self.bundles.change(self._version, changes)
        except Conflict:
            end = ClaimsChanged("others have claimed since")
        except NotLeading as error:
            end = error
        except ApiError as error:
            end = ClaimsUnavailable(f"what is signed cannot be claimed: {error}")
        else:
            self._taken_over(held)
        finally:
            self._version = version
        for one in some:
            one.end = end

    def _taken_over(self, held: dict[str, _Held]) -> None:
        """Go on with what is in the object now; what was pushed while it was written is so here, too."""
        for key, one in held.items():
            before = self._held.get(key)
            if before is not None:
                one.subjects.update(before.subjects)
        self._held = held


async def _publish_left(bundle: bytes, one: ClaimedSubject, registry: Registry, signing: Signing) -> None:
    """Push a claim of ours. Raises what is in NOT_OURS for one that is none, and what the registry raises."""
    place = one.place
    payload = payload_signed_by(signing.signer, bundle, stamped=signing.authority is not None)
    if place.host != registry.host or not parse_statement(payload).about(place.digest or ""):
        raise PolicyRefused(f"what is claimed for {place} is not about it, or it is in another registry")
    artifact, _ = await registry.manifest(place)
    named = replace(place, tag=one.tag, digest=place.digest if one.tag is None else None)
    await publish(registry, Unpublished(named, artifact, bundle, one.predicate_type, there=one.tag is None))
