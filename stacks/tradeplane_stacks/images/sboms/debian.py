"""Debian packages of an image, by the descriptions that lie in it, and the interpreter that is among them.

Licenses are those that a package's copyright file names in its machine-readable form; where that is prose, none is
stated here either.

Sources: Debian Policy, section 5 (control files) and "Machine-readable debian/copyright file" 1.0; package URL
specification, type ``deb``. The qualifier ``upstream`` is that of Syft: Debian's security data goes by source packages.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.spdx import is_supported_id
from debian_inspector.copyright import CopyrightFilesParagraph, CopyrightHeaderParagraph, DebianCopyright
from debian_inspector.debcon import get_paragraph_data
from packageurl import PackageURL

from tradeplane_stacks.images.errors import ImageError
from tradeplane_stacks.images.sboms.listing import Listing, reference_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tradeplane_stacks.images.lock import LockedPackage

_STATUS = "var/lib/dpkg/status.d"
_MACHINE_READABLE = re.compile(r"^Format(-Specification)?:\s*\S*(copyright-format|dep5)", re.IGNORECASE)
_NAME_WORDS, _NAME_LENGTH = 6, 64
_INTERPRETER = re.compile(r"python3\.\d+-minimal")


def debian_packages(base: Path, packages: Iterable[LockedPackage]) -> Listing:
    """List the Debian packages that a base describes, and the interpreter.

    Args:
        base: tree of the base.
        packages: the package files it was unpacked from; a package has the digest of its file.

    Raises:
        ImageError: a description lacks a name or a version, or there is none.

    """
    release = _release(base)
    files = {(one.name, one.version): one.sha256 for one in packages}
    described = [_control(path) for path in sorted((base / _STATUS).glob("*"))]
    if not described:
        raise ImageError(f"The base describes no Debian package in /{_STATUS}: its descriptions were removed.")
    found = [_component(base, one, release, files.get((one["package"], one["version"]))) for one in described]
    references = {one["package"]: reference_of(component) for one, component in zip(described, found, strict=True)}
    needs = {
        references[one["package"]]: frozenset(references[name] for name in _needed(one) if name in references)
        for one in described
    }
    for one in described:
        if _INTERPRETER.fullmatch(one["package"]):
            interpreter = _interpreter(one["version"])
            found.append(interpreter)
            needs[reference_of(interpreter)] = frozenset({references[one["package"]]})
    return Listing(tuple(found), needs)


def _control(path: Path) -> Mapping[str, str]:
    fields: Mapping[str, str] = get_paragraph_data(path.read_text(encoding="utf-8"))
    missing = [name for name in ("package", "version", "architecture") if not fields.get(name)]
    if missing:
        raise ImageError(f"/{_STATUS}/{path.name} in the base describes no package: it has no {missing[0]}.")
    return fields


def _component(base: Path, fields: Mapping[str, str], release: str, digest: str | None) -> Component:
    qualifiers = {"arch": fields["architecture"], "distro": f"debian-{release}"}
    source = fields.get("source", "").partition(" ")[0]
    if source:
        qualifiers["upstream"] = source
    purl = PackageURL("deb", "debian", fields["package"], fields["version"], qualifiers)
    return Component(
        bom_ref=purl.to_string(),
        type=ComponentType.LIBRARY,
        name=fields["package"],
        version=fields["version"],
        purl=purl,
        licenses=[license_of(name) for name in license_names(base / "usr/share/doc" / fields["package"] / "copyright")],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)] if digest else [],
    )


def license_names(path: Path) -> tuple[str, ...]:
    """Return the names of the licenses that a copyright file states, sorted; none where it is prose or not there."""
    if not path.is_file():
        return ()
    text = path.read_text(encoding="utf-8", errors="replace")
    if not _MACHINE_READABLE.match(text):
        return ()
    names = {
        one.license.name
        for one in DebianCopyright.from_text(text).paragraphs
        if isinstance(one, CopyrightFilesParagraph | CopyrightHeaderParagraph) and one.license is not None
    }
    return tuple(sorted(name for name in names if name and _is_a_name(name)))


def _is_a_name(text: str) -> bool:
    """Return whether a text names a license, and is not the first line of one."""
    return len(text) <= _NAME_LENGTH and len(text.split()) <= _NAME_WORDS


def license_of(name: str) -> DisjunctiveLicense:
    """Return a license by its SPDX identifier where it is one, and else by its name."""
    return DisjunctiveLicense(id=name) if is_supported_id(name) else DisjunctiveLicense(name=name)


def _interpreter(version: str) -> Component:
    """Return the interpreter of a package: what runs everything else, by the version its makers gave it."""
    upstream = version.rpartition(":")[2].partition("-")[0]
    return Component(
        bom_ref=f"interpreter {upstream}",
        type=ComponentType.PLATFORM,
        name="CPython",
        version=upstream,
        licenses=[license_of("Python-2.0.1")],
    )


def _needed(fields: Mapping[str, str]) -> Iterable[str]:
    """Return the names that a package depends on, every alternative of each."""
    for field in ("pre-depends", "depends"):
        for alternative in re.split(r"[,|]", fields.get(field, "")):
            yield alternative.strip().partition(" ")[0].partition(":")[0]


def _release(base: Path) -> str:
    """Return the version of the distribution, such as 12."""
    path = base / "usr/lib/os-release"
    fields = dict(line.split("=", 1) for line in path.read_text(encoding="utf-8").splitlines() if "=" in line)
    version = fields.get("VERSION_ID", "").strip('"')
    if not version:
        raise ImageError("The base does not say which version of Debian it is of: /usr/lib/os-release names none.")
    return version
