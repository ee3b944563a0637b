"""The bill of materials of an image for one processor, from its trees to the bytes of its file.

The bytes are canonical JSON (RFC 8785) of CycloneDX 1.6, and its serial number follows from them: the same image has
the same bill, byte for byte, wherever and whenever it is written.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.lifecycle import LifecyclePhase, PredefinedLifecycle
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.sboms.debian import debian_packages, license_of
from tradeplane_stacks.images.sboms.distributions import distributions, installed
from tradeplane_stacks.images.sboms.embedded import embedded, libraries
from tradeplane_stacks.images.sboms.listing import Listing, merge, reference_of

if TYPE_CHECKING:
    from pathlib import Path

    from tradeplane_stacks.images.contents import Contents
    from tradeplane_stacks.images.lock import LockedPackage

PLATFORM = "tradeplane:image:platform"
"""Property of the image: which platform the bill is of."""
BASE = "tradeplane:image:base"
"""Property of the image that stands on one of somebody else, whose contents are not listed: which it is."""
_SERIAL = uuid.UUID("6f6bd0d4-0a4e-5a53-9f3b-3b6d7d0c0f11")
"""Namespace of serial numbers (RFC 9562, version 5)."""


@dataclass(frozen=True)
class ImageName:
    """What a bill is of."""

    name: str
    """Such as ``tradeplane/operator``."""
    version: str
    platform: str
    """Such as ``linux/arm64``."""
    base: str
    """Image that it stands on, or ``scratch``."""


def image_sbom(name: ImageName, trees: Contents, packages: tuple[LockedPackage, ...], lock: Path) -> bytes:
    """Return the bill of an image.

    Args:
        name: what it is of.
        trees: its layers.
        packages: the package files of its base, for this processor.
        lock: ``uv.lock``, for the digests of wheels.

    Raises:
        ImageError: something in the image cannot be described, or the bill would not be one.

    """
    site, own = installed(trees.site, ours=False), installed(trees.own, ours=True)
    listings = [
        distributions(trees.site, trees.own, lock),
        *embedded(chain(site, own)),
        libraries(trees.site, site),
        libraries(trees.own, own),
    ]
    if trees.base is not None:
        listings.append(debian_packages(trees.base, packages))
    return written(image_component(name), merge(listings))


def image_component(name: ImageName) -> Component:
    """Return an image as what a bill is of."""
    properties = [Property(name=PLATFORM, value=name.platform)]
    if name.base != "scratch":
        properties.append(Property(name=BASE, value=name.base))
    return Component(
        bom_ref=f"{name.name}@{name.version}",
        type=ComponentType.CONTAINER,
        name=name.name,
        version=name.version,
        licenses=[license_of("Apache-2.0")],
        properties=properties,
    )


def written(subject: Component, listing: Listing) -> bytes:
    """Return the bill of what is listed, as bytes; ``subject``: what it is of.

    Raises:
        ImageError: it is not one by the schema of CycloneDX 1.6.

    """
    bom = Bom(components=listing.components, dependencies=_graph(subject, listing))
    bom.metadata.component = subject
    bom.metadata.lifecycles.add(PredefinedLifecycle(phase=LifecyclePhase.POST_BUILD))
    plain: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    del plain["serialNumber"], plain["metadata"]["timestamp"]
    plain["serialNumber"] = f"urn:uuid:{uuid.uuid5(_SERIAL, _canonical(plain).decode())}"
    data = _canonical(plain)
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(data.decode())
    if fault is not None:
        raise ImageError(f"The bill of materials of {subject.name} is none of CycloneDX 1.6: {str(fault)[:500]}")
    return data


def _graph(subject: Component, listing: Listing) -> list[Dependency]:
    """Return who needs whom: what the bill is of what nothing else in it needs, and the rest as it was listed."""
    places = {reference_of(one): one.bom_ref for one in listing.components}
    graph = [
        Dependency(ref=places[reference], dependencies=[Dependency(ref=places[one]) for one in sorted(others)])
        for reference, others in listing.needs.items()
    ]
    top = [Dependency(ref=places[one]) for one in roots(listing)]
    return [Dependency(ref=subject.bom_ref, dependencies=top), *graph]


def roots(listing: Listing) -> list[str]:
    """Return references from which all of a listing is reached: what nobody needs, and of a circle its first."""
    needed = frozenset[str]().union(*listing.needs.values())
    references = sorted(reference_of(one) for one in listing.components)
    found, reached = [], set[str]()
    for one in (*(one for one in references if one not in needed), *references):
        if one in reached:
            continue
        found.append(one)
        ahead = [one]
        while ahead:
            here = ahead.pop()
            if here not in reached:
                reached.add(here)
                ahead += listing.needs.get(here, frozenset())
    return sorted(found)


def _canonical(plain: object) -> bytes:
    """Return canonical JSON (RFC 8785): no numbers but whole ones and no names beyond ASCII stand in a bill."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
