"""What was compiled into wheels, by the bills that they carry of it (PEP 770), and the libraries put beside them.

The Rust core's own bill is written by maturin from ``Cargo.lock``, as it is compiled. A wheel of somebody else carries
one where its makers wrote it. Shared libraries that were put into a wheel (``*.libs``) are listed as files: what they
are made from is known only where a bill says so.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from packaging.utils import canonicalize_name

from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.sboms.listing import Listing, reference_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tradeplane_stacks.images.sboms.distributions import Installed

MAX_BYTES = 8 * 1024 * 1024
"""Of a bill in a wheel; the largest so far has half a megabyte."""
_KEPT = ("type", "bom-ref", "group", "name", "version", "scope", "licenses", "hashes", "purl")
_LOCAL = "file:"


def embedded(distributions: Iterable[Installed]) -> Iterable[Listing]:
    """List what the bills in distributions name, each with the distribution that carries it.

    Raises:
        ImageError: a bill cannot be read.

    """
    for one in distributions:
        for path in sorted((one.path / "sboms").glob("*.json")):
            yield listed(one, read(path))


def listed(carrier: Installed, document: Mapping[str, Any]) -> Listing:
    """List what one bill names that is in the image: not what its makers needed to build alone.

    Raises:
        ImageError: it is no bill.

    """
    root = (document.get("metadata") or {}).get("component")
    entries = [*(document.get("components") or ()), *([root] if root else ())]
    reduced = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "components": [_reduced(one) for one in entries if one.get("scope") != "excluded"],
        "dependencies": document.get("dependencies") or [],
    }
    try:
        found = Bom.from_json(reduced)  # type: ignore[attr-defined]
    except Exception as error:  # of the library: it raises what its parsing of each field raises
        raise ImageError(f"{carrier.path.name} carries a bill of materials that cannot be read: {error}") from error
    own = carrier.component()
    itself = {reference_of(one) for one in found.components if _is(one, carrier)}
    components = tuple(one for one in found.components if reference_of(one) not in itself)
    needs: dict[str, frozenset[str]] = {}
    for one in found.dependencies:
        needs[str(one.ref.value)] = frozenset(str(other.ref.value) for other in one.dependencies)
    top = frozenset[str]().union(*(needs.pop(one, frozenset()) for one in itself))
    tops = {str(root["bom-ref"])} - itself if root and root.get("bom-ref") else set()
    named = top | tops or frozenset(reference_of(one) for one in components)
    return Listing((own, *components), {**needs, reference_of(own): named})


def _is(component: Component, carrier: Installed) -> bool:
    purl = component.purl
    return purl is not None and purl.type == "pypi" and canonicalize_name(purl.name) == carrier.name


def _reduced(component: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of a component: what it is, and not its makers' addresses or the paths they built it in."""
    kept = {name: component[name] for name in _KEPT if name in component}
    kept.setdefault("bom-ref", json.dumps(component, sort_keys=True))
    if _LOCAL in str(kept.get("purl", "")):
        del kept["purl"]  # built from a directory: that a registry has one of this name says nothing of it
    return kept


def read(path: Path) -> Mapping[str, Any]:
    """Return a bill in a wheel as plain JSON values.

    Raises:
        ImageError: it is none in JSON, or too large.

    """
    if path.stat().st_size > MAX_BYTES:
        raise ImageError(f"{path.parent.parent.name}/sboms/{path.name} has more than {MAX_BYTES:,} bytes.")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ImageError(f"{path.parent.parent.name}/sboms/{path.name} is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("bomFormat") != "CycloneDX":
        raise ImageError(f"{path.parent.parent.name}/sboms/{path.name} is no bill of materials of CycloneDX.")
    return document


def libraries(tree: Path, distributions: Iterable[Installed]) -> Listing:
    """List the shared libraries that were put beside the modules of a distribution."""
    found: list[Component] = []
    needs: dict[str, frozenset[str]] = {}
    owners = {one.name: one for one in distributions}
    for folder in sorted(tree.glob("*.libs")):
        files = [_file(path, tree) for path in sorted(folder.iterdir()) if path.is_file()]
        found += files
        owner = owners.get(canonicalize_name(folder.name.removesuffix(".libs")))
        if owner is not None:
            carrier = owner.component()
            found.append(carrier)
            needs[reference_of(carrier)] = frozenset(reference_of(one) for one in files)
    return Listing(tuple(found), needs)


def _file(path: Path, tree: Path) -> Component:
    name = str(path.relative_to(tree))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Component(
        bom_ref=name,
        type=ComponentType.FILE,
        name=name,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
    )
