"""What the enforcer knows: the newest of every object, and the addresses the CNI plugin has announced.

A pod's address reaches the API a second or more after its network exists. The plugin announces it while the pod is
being attached, so what it says goes before the pod's status. `version` counts changes that can alter the ruleset; most
updates of pods cannot, and cost nothing further.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Any, Generic, TypeVar

from tradeplane_stacks.local.network_policy.model import Namespace, ObjectError, Pod, Policy
from tradeplane_stacks.local.network_policy.ruleset import Ruleset, compile_ruleset

_LOG = logging.getLogger(__name__)

Json = Mapping[str, Any]
Parsed = TypeVar("Parsed", Namespace, Pod, Policy)


class Collection(Generic[Parsed]):
    """The parsed objects of one resource by UID; `on_change` is called when one of them comes, differs or goes."""

    def __init__(self, parse: Callable[[Json], Parsed | None], on_change: Callable[[], None]) -> None:
        self._parse: Callable[[Json], Parsed | None] = parse
        self._on_change = on_change
        self._objects: dict[str, Parsed] = {}
        self.listed = False

    def __iter__(self) -> Iterator[Parsed]:
        return iter(self._objects.values())

    def __len__(self) -> int:
        return len(self._objects)

    def __contains__(self, uid: str) -> bool:
        return uid in self._objects

    def uids(self) -> frozenset[str]:
        """UIDs of the objects known now."""
        return frozenset(self._objects)

    def replace(self, objects: Sequence[Json]) -> None:
        """Take a complete list; what is not in it is forgotten."""
        parsed = {obj["metadata"]["uid"]: self._parse(obj) for obj in objects}
        fresh = {uid: value for uid, value in parsed.items() if value is not None}
        if not self.listed or fresh != self._objects:
            self._objects, self.listed = fresh, True
            self._on_change()

    def put(self, obj: Json) -> None:
        """Take an added or changed object; one that policies no longer apply to is forgotten."""
        uid, value = obj["metadata"]["uid"], self._parse(obj)
        if value is None:
            self.remove(obj)
        elif self._objects.get(uid) != value:
            self._objects[uid] = value
            self._on_change()

    def remove(self, obj: Json) -> None:
        """Forget an object."""
        if self._objects.pop(obj["metadata"]["uid"], None) is not None:
            self._on_change()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A pod's network as the CNI plugin made it; `address` is None after it was taken away again."""

    container: str
    address: IPv4Address | None


class ClusterState:
    """Everything that decides the ruleset; `on_change` is called when something of it changes."""

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self.version = 0
        self._on_change = on_change
        self.pods: Collection[Pod] = Collection(Pod.parse, self._pods_changed)
        self.namespaces: Collection[Namespace] = Collection(Namespace.parse, self._changed)
        self.policies: Collection[Policy] = Collection(_policy_or_deny_all, self._changed)
        self._attachments: dict[str, Attachment] = {}
        self._known: frozenset[str] = frozenset()

    @property
    def complete(self) -> bool:
        """Whether every resource has been listed; before that, a ruleset would open what it should close."""
        return self.pods.listed and self.namespaces.listed and self.policies.listed

    def attach(self, uid: str, container: str, address: IPv4Address) -> int:
        """Note the address of a pod that the API may not show yet; give the version that includes it."""
        attachment = Attachment(container, address)
        if self._attachments.get(uid) != attachment:
            self._attachments[uid] = attachment
            self._changed()
        return self.version

    def detach(self, uid: str, container: str) -> None:
        """Note that a pod's network is gone; about a network that was replaced since, nothing is to be noted."""
        attachment = self._attachments.get(uid)
        if attachment is None or attachment.container != container:
            return
        if uid in self.pods:
            self._attachments[uid] = Attachment(container, None)
        else:
            del self._attachments[uid]
        self._changed()

    def ruleset(self) -> Ruleset:
        """Compile what is known now."""
        return compile_ruleset(self._addressed_pods(), self.namespaces, self.policies)

    def _addressed_pods(self) -> Iterator[Pod]:
        for pod in self.pods:
            attachment = self._attachments.get(pod.uid)
            yield pod if attachment is None else replace(pod, address=attachment.address)

    def _changed(self) -> None:
        self.version += 1
        self._on_change()

    def _pods_changed(self) -> None:
        """Forget the attachments of pods that were known and are gone; those not known yet are only announced."""
        known = self.pods.uids()
        for uid in self._known - known:
            self._attachments.pop(uid, None)
        self._known = known
        self._changed()


def _policy_or_deny_all(obj: Json) -> Policy:
    """Parse a policy; one that cannot be understood closes its namespace instead of leaving it open."""
    try:
        return Policy.parse(obj)
    except ObjectError as error:
        _LOG.error("%s; nothing passes in its namespace until it is corrected or removed", error)
        return Policy.deny_all(obj)
