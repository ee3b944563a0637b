"""A key in a hardware security module signs, on SoftHSM: what it signs is verified as any other."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING
from urllib.parse import quote

import pkcs11
import pytest
from pkcs11.util.ec import encode_named_curve_parameters
from tradeplane_evidence.errors import InvalidKey, SignerUnavailable
from tradeplane_evidence.signing.opening import open_signer

from tests.integration.evidence.conftest import push
from tests.integration.evidence.timestamp_authority import (
    check_stamped_once,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tradeplane_evidence.signing.signer import Signer

    from tests.integration.evidence.conftest import Cosign

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
TOKEN, PIN = "trade plane", "1234"
CURVES = {"signing": "secp256r1", "large": "secp384r1"}


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give a token with a key on each of two curves; a process has one configuration of SoftHSM."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(configuration))
        pins = ("--pin", PIN, "--so-pin", "5678")
        subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", TOKEN, *pins], check=True, timeout=30)
        with pkcs11.lib(MODULE).get_token(token_label=TOKEN).open(rw=True, user_pin=PIN) as session:
            for label, curve in CURVES.items():
                parameters = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(curve)}
                domain = session.create_domain_parameters(pkcs11.KeyType.EC, parameters, local=True)
                domain.generate_keypair(store=True, label=label)
            session.generate_keypair(pkcs11.KeyType.RSA, 2048, store=True, label="rsa")
        yield MODULE


def _uri(module: str, label: str = "signing", token: str = TOKEN) -> str:
    return f"pkcs11:token={quote(token)};object={label}?module-path={module}"


def test_a_wrong_pin_is_refused(module: str) -> None:
    """Before any other: whoever is logged in already is not asked again."""
    with pytest.raises(InvalidKey, match="PinIncorrect"):
        open_signer(_uri(module), b"0000")


def test_a_second_signer_of_a_token_is_no_second_login(module: str) -> None:
    """As in an operator, which opens its signer anew from time to time."""
    first, second = (open_signer(_uri(module), PIN.encode()) for _ in range(2))
    for one in (first, second):
        first.public_key.verify(one.sign(b"some bytes"), b"some bytes")


@pytest.fixture
def signer(module: str) -> Signer:
    return open_signer(_uri(module), PIN.encode())


async def test_what_it_signed_is_verified_by_us_and_by_cosign(olareg: str, signer: Signer, cosign: Cosign) -> None:
    signer.public_key.verify(signer.sign(b"some bytes"), b"some bytes")
    attested = await push(olareg, "runs/pkcs11", signer)
    assert await push(olareg, "runs/pkcs11", signer) == attested, "what was signed is not signed again"
    (cosign.home / "hsm.pub").write_text(signer.public_key.pem())
    done = cosign(
        *("verify-attestation", "--key", "hsm.pub", "--insecure-ignore-tlog"),
        *("--type", "https://slsa.dev/provenance/v1", str(attested.reference)),
    )
    assert done.returncode == 0, done.stderr


async def test_what_it_signed_is_stamped_once(olareg: str, signer: Signer, tmp_path: Path) -> None:
    await check_stamped_once(olareg, "runs/pkcs11-stamped", signer, tmp_path)


@pytest.mark.parametrize(
    ("label", "token", "pin", "words"),
    [
        ("missing", TOKEN, PIN, "NoSuchKey"),
        ("signing", "missing", PIN, "NoSuchToken"),
        ("large", TOKEN, PIN, "neither ECDSA on P-256"),
        ("rsa", TOKEN, PIN, "is RSA; make one of ECDSA"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused(module: str, label: str, token: str, pin: str, words: str) -> None:
    with pytest.raises(InvalidKey, match=words) as refused:
        open_signer(_uri(module, label, token), pin.encode())
    assert pin not in str(refused.value)


def test_a_pin_is_asked_for_and_does_not_stand_in_a_uri(module: str) -> None:
    with pytest.raises(InvalidKey, match="needs its PIN: set TRADEPLANE_KEY_PASSPHRASE"):
        open_signer(_uri(module))
    with pytest.raises(InvalidKey, match="a PIN does not belong into a URI") as refused:
        open_signer(f"{_uri(module)}&pin-value={PIN}", PIN.encode())
    assert PIN not in str(refused.value)


@pytest.mark.parametrize(
    "uri",
    [
        "pkcs11:",
        "pkcs11:token=x",
        "pkcs11:object=y?module-path=/m.so",
        "pkcs11:token=x;object=y",
        "pkcs11:token=x;object=y?module-path=m.so",
        "pkcs11://host/token=x;object=y?module-path=/m.so",
    ],
)
def test_what_names_no_key_of_a_module_is_refused(uri: str) -> None:
    with pytest.raises(InvalidKey, match=r"write pkcs11:token="):
        open_signer(uri, b"1234")


def test_a_module_that_is_not_there_is_said() -> None:
    with pytest.raises((InvalidKey, SignerUnavailable), match="the module does not do it"):
        open_signer(_uri("/nowhere/module.so"), PIN.encode())
