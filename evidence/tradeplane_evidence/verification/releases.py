"""A release that was downloaded: who built it from which commit, and that its files are all of those and no others.

Pure but for what it is given: digests of the files that are there, and the bundles. The signature comes first: no name
and no digest is taken from what is not signed, and no name that was signed is ever opened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradeplane_api.release_build import CHECKSUMS, FILE_NAME, VERSION

from tradeplane_evidence.errors import DigestMismatch, Incomplete, Malformed, NotAttested, PolicyRefused
from tradeplane_evidence.release_folder import MAX_CHECKSUMS_BYTES
from tradeplane_evidence.statements.release import RELEASE_BUILD_TYPE, RELEASE_PARAMETERS
from tradeplane_evidence.verification.artifact_keys import artifact_key
from tradeplane_evidence.verification.artifact_verification import verify_by_identity, verify_by_key
from tradeplane_evidence.verification.artifacts import artifact_of_bytes
from tradeplane_evidence.verification.attestations import REFUSALS
from tradeplane_evidence.verification.bundles import time_in_words, verify_claim
from tradeplane_evidence.verification.checks import Check, CheckSeries
from tradeplane_evidence.verification.images import source_in_words, stated_source
from tradeplane_evidence.verification.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradeplane_api.release_build import ReleaseFile

    from tradeplane_evidence.statements.statement import ResourceDescriptor
    from tradeplane_evidence.verification.attestations import Trust
    from tradeplane_evidence.verification.bundles import Claim

_NAME, _VERSION = re.compile(FILE_NAME), re.compile(VERSION)
_LINE = re.compile(r"([0-9a-f]{64})  (\S+)")
_SHOWN = 3


def release_policy(builders: frozenset[str] | None = None) -> Policy:
    """Return what a release's provenance must be; ``builders``: None where any will do that the key signs for."""
    return Policy(builders=builders, build_types=frozenset({RELEASE_BUILD_TYPE}), parameters=RELEASE_PARAMETERS)


@dataclass(frozen=True, slots=True)
class Expected:
    """What is asked of a release beside its signature; None where it is told and not compared.

    ``repository``: address of the sources, as a provenance names it without the commit.
    """

    version: str | None = None
    commit: str | None = None
    repository: str | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """A release of which every file is to be there: the list of digests, and the bundle about it; None without one."""

    checksums: bytes
    checksums_bundle: bytes | None


@dataclass(slots=True)
class ReleaseVerification(CheckSeries):
    """What was found of a release, or of some files of one. ``place``: where they lie, as it was asked for."""

    place: str
    checks: list[Check] = field(default_factory=list)
    claim: Claim | None = None
    version: str | None = None
    commit: str | None = None


def verify_release(
    place: str,
    provenance: bytes,
    files: Mapping[str, ReleaseFile],
    trust: Trust,
    expected: Expected,
    whole: Whole | None = None,
) -> ReleaseVerification:
    """Return what is found of files by the bundle with their provenance.

    ``whole``: where they are to be all files of the release; None where each has to be one of them and no more.
    """
    found, step = ReleaseVerification(place), "signature"
    try:
        found.claim = claim = verify_claim(provenance, trust.signers, trust.policy, trust.now)
        found.say("signature", f"by {claim.signer}")
        found.say("policy", f"builder {claim.provenance.run_details.builder.id}")
        step = "release"
        found.version = _version(claim, expected.version)
        found.say("release", f"version {found.version}, tag v{found.version}")
        step = "source"
        source = _source(claim, expected)
        found.commit = (source.digest or {}).get("gitCommit")
        found.say("source", source_in_words(source))
        step = "files"
        signed = _signed(claim)
        found.say("files", _compared(signed, files, whole=whole is not None))
        if whole is not None:
            step = "checksums"
            found.say("checksums", _checksums(whole, signed, claim))
    except (*REFUSALS, Incomplete) as error:
        found.fail(step, error)
    else:
        found.say("time", time_in_words(claim))
    return found


def _version(claim: Claim, expected: str | None) -> str:
    parameters = claim.provenance.build_definition.external_parameters
    version, tag = parameters.get("version"), parameters.get("tag")
    if not isinstance(version, str) or _VERSION.fullmatch(version) is None or tag != f"v{version}":
        raise Malformed("the provenance names no version of a release, or another tag than that version has")
    if expected is not None and version != expected:
        raise PolicyRefused(f"it is release {version}, and asked for is {expected}")
    return version


def _source(claim: Claim, expected: Expected) -> ResourceDescriptor:
    source = stated_source(claim.provenance, "the release")
    commit = (source.digest or {}).get("gitCommit")
    if commit is None:
        raise Malformed("the provenance names no commit: a release is of what was committed and tagged")
    if expected.commit is not None and commit != expected.commit:
        raise PolicyRefused(f"it was built from commit {commit}, and asked for is {expected.commit}")
    stated = source.uri or "a repository that it does not name"
    if expected.repository is not None and source.uri != f"git+{expected.repository}@{commit}":
        raise PolicyRefused(f"it was built from {stated}, and asked for is {expected.repository}")
    return source


def _signed(claim: Claim) -> Mapping[str, str]:
    """Return the digest that was signed for each name."""
    signed: dict[str, str] = {}
    for one in claim.statement.subject:
        name, digest = one.name or "", one.digest.get("sha256")
        if digest is None or _NAME.fullmatch(name) is None:
            raise Malformed(f"the statement is about {name[:256]!r}, which is no file of a release with its SHA-256")
        if name in signed:
            raise Malformed(f"the statement names {name} twice")
        signed[name] = f"sha256:{digest}"
    return signed


def _compared(signed: Mapping[str, str], files: Mapping[str, ReleaseFile], *, whole: bool) -> str:
    """Say that files are as they were signed. Raises DigestMismatch, NotAttested or Incomplete, naming them."""
    changed = sorted(name for name, one in files.items() if name in signed and one.digest != signed[name])
    if changed:
        raise DigestMismatch(f"{_named(changed)}: not as it was signed; it was changed, or cut short: fetch it again")
    beside = sorted(files.keys() - signed.keys())
    if beside:
        raise NotAttested(f"{_named(beside)}: the signed release has no such file; it is somebody else's, remove it")
    missing = sorted(signed.keys() - files.keys())
    if whole and missing:
        raise Incomplete(
            f"{_named(missing)}: of the release and not there; fetch it, or verify the files you have by naming each"
        )
    size = sum(one.size for one in files.values())
    of = f"all {len(signed):,}" if whole else f"{len(files):,} of {len(signed):,}"
    return f"{of} files, {size:,} bytes, each as it was signed" + (", and no other" if whole else "")


def _named(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def _checksums(whole: Whole, signed: Mapping[str, str], claim: Claim) -> str:
    """Say that the list of digests lists what was signed, and by whom it is signed itself."""
    artifact = artifact_of_bytes(CHECKSUMS, whole.checksums)
    if len(whole.checksums) > MAX_CHECKSUMS_BYTES or artifact.sha256 != signed.get(CHECKSUMS):
        raise DigestMismatch(f"{CHECKSUMS} was changed while it was read; verify it again")
    listed: dict[str, str] = {}
    for line in whole.checksums.decode("utf-8", "replace").splitlines():
        entry = _LINE.fullmatch(line)
        if entry is None or entry[2] in listed:
            raise Malformed(f"{CHECKSUMS} has a line that is none of sha256sum, or names a file twice: {line[:128]!r}")
        listed[entry[2]] = f"sha256:{entry[1]}"
    if listed != {name: digest for name, digest in signed.items() if name != CHECKSUMS}:
        raise Malformed(f"{CHECKSUMS} lists other files or digests than the statement does")
    words = f"{CHECKSUMS} lists the same {len(listed):,} files"
    if whole.checksums_bundle is None:
        return f"{words}; signed in the provenance alone"
    if claim.trusted is not None:
        verify_by_identity(whole.checksums_bundle, artifact, claim.trusted.identity, claim.trusted.root)
    else:
        verify_by_key(whole.checksums_bundle, artifact, artifact_key(claim.key.key.material, "the key"), None)
    return f"{words}, and is signed by the same signer"
