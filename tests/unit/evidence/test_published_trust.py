"""Who is relied on is written into an export so that it is read back as the same, whoever they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tradeplane_evidence.export.folder import Folder
from tradeplane_evidence.export.published_trust import all_keys, by_keyring, published_identities, write_trust
from tradeplane_evidence.signing.keyring import Keyring, read_keyring
from tradeplane_evidence.verification.signers import AnySigner, ChainSigners
from tradeplane_evidence.verification.trust_file import read_trust_file

from tests.unit.evidence import sample_runs
from tests.unit.evidence.private_sigstore import PrivateSigstore, SomebodyThere

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tradeplane_evidence.verification.signers import Signers

OPERATOR = SomebodyThere(PrivateSigstore()).trusted()
CI = SomebodyThere(PrivateSigstore(seed=2), "https://ci.example.com").trusted()
NARROW = replace(CI, builders=frozenset({"https://example.com/b", "https://example.com/a"}))


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return sample_runs.keyring(sample_runs.signer_in(tmp_path))


def _written(folder: Path, signers: ChainSigners) -> set[str]:
    found = Folder(folder, 1_000_000)
    folder.mkdir()
    write_trust(signers, found)
    return set(found.files)


def _alike(signers: Signers) -> Signers:
    """Return the same signers in the form that a file has them."""
    return signers if isinstance(signers, Keyring | AnySigner) else AnySigner(Keyring(()), (signers,))


@pytest.mark.parametrize(
    "chain",
    [
        lambda ring: ChainSigners(OPERATOR, ring, ring),
        lambda ring: ChainSigners(ring, NARROW, AnySigner(ring, (CI, OPERATOR))),
        lambda ring: ChainSigners(
            ring, Keyring(tuple(replace(key, builders=frozenset({"x"})) for key in ring.keys)), CI
        ),
        lambda ring: ChainSigners.alike(AnySigner(ring, (OPERATOR,))),
        lambda _: ChainSigners.alike(OPERATOR),
    ],
)
def test_what_is_written_is_read_as_the_same(
    tmp_path: Path, ring: Keyring, chain: Callable[[Keyring], ChainSigners]
) -> None:
    signers = chain(ring)
    files = _written(tmp_path / "out", signers)
    read = read_trust_file(tmp_path / "out" / "trust.json")
    for link in ("runs", "images", "snapshots"):
        wanted, found = _alike(getattr(signers, link)), getattr(read, link)
        if isinstance(wanted, AnySigner):
            assert found.keyring == wanted.keyring
            assert sorted(found.identities, key=str) == sorted(wanted.identities, key=str)
        else:
            assert found == wanted
    assert ("keyring.json" in files) == bool(all_keys(signers).keys)
    assert _written(tmp_path / "again", signers) == files
    for name in files:
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_the_keys_of_one_keyring_need_no_file_of_trust(tmp_path: Path, ring: Keyring) -> None:
    signers = ChainSigners.alike(ring)
    assert by_keyring(signers)
    files = _written(tmp_path / "out", signers)
    assert {name.partition("/")[0] for name in files} == {"keyring.json", "keys"}
    assert read_keyring((tmp_path / "out" / "keyring.json").read_bytes()) == ring
    assert not by_keyring(ChainSigners.alike(OPERATOR))
    assert not by_keyring(ChainSigners(ring, ring, Keyring(())))


def test_somebody_is_told_once_with_all_that_they_count_for(ring: Keyring) -> None:
    told = published_identities(ChainSigners(AnySigner(ring, (OPERATOR, CI)), NARROW, CI))
    assert [(one.subject, one.builders, one.links) for one in told] == [
        (CI.identity.subject, ("https://example.com/a", "https://example.com/b"), ("images",)),
        (CI.identity.subject, None, ("runs", "snapshots")),
        (OPERATOR.identity.subject, None, ("runs",)),
    ]
    assert published_identities(ChainSigners.alike(ring)) == ()
