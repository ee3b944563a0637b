"""``tradeplane exchange serve``: what it refuses before it serves, and the keys it makes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tradeplane_api.exchange import AtEnd
from tradeplane_cli import exchange
from tradeplane_cli.exchange import specification_from_file, specification_of
from tradeplane_cli.failures import CommandFailure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Ended

    Command = Callable[..., Ended]

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--speed", "2"), "give one of snapshot and synthetic"),
        ((DIGEST, "--synthetic", "order-book"), "give one of snapshot and synthetic"),
        (("--synthetic", "order-book", "--balance", "USDT"), "is no ASSET=AMOUNT"),
        (("--synthetic", "order-book", "--balance", "usdt=1"), "must be the name of an asset"),
        (("--synthetic", "order-book", "--balance", "USDT=1", "--balance", "USDT=2"), "an asset has one balance"),
        (("--synthetic", "order-book", "--maker-fee", "cheap"), "must be basis points"),
        (("--synthetic", "order-book", "--speed", "0"), "must be above 0"),
        (("--synthetic", "martian"), "order-book"),
        (("--synthetic", "order-book", "--leverage", "500"), "less than or equal to 125"),
        (("-f", "nowhere.yaml"), "give a file that can be read"),
    ],
)
def test_refused(tradeplane: Command, arguments: tuple[str, ...], words: str) -> None:
    ended = tradeplane("exchange", "serve", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err


def test_a_failure_is_json_where_that_is_asked_for(tradeplane: Command) -> None:
    ended = tradeplane("exchange", "serve", "--synthetic", "martian", "-o", "json")
    assert json.loads(ended.err)["error"]["problems"][0]["field"] == "synthetic.flow"


def test_a_snapshot_that_is_not_there_is_named_and_leaves_no_keys(tradeplane: Command, tmp_path: Path) -> None:
    ended = tradeplane("exchange", "serve", DIGEST, "--keys", str(tmp_path / "keys"))
    assert ended.code == 3
    assert DIGEST in ended.err
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("synthetic: {flow: order-book, seed: x}", "synthetic.seed"),
        ("synthetic: [", "is no YAML"),
        ("- 1", "is not valid"),
        ("x" * 70_000, "more than 65536 bytes"),
        ("synthetic: {}\nfaults: [{kind: Double, channel: Request, after: 1}]", "faults.0"),
    ],
)
def test_a_file_that_is_no_specification_is_refused(tradeplane: Command, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "exchange.yaml").write_text(text)
    ended = tradeplane("exchange", "serve", "-f", str(tmp_path / "exchange.yaml"))
    assert ended.code == 2
    assert words in ended.err
    assert "exchange.yaml" in ended.err


def test_a_file_has_all_there_is(tmp_path: Path) -> None:
    (tmp_path / "exchange.yaml").write_text(
        "synthetic: {flow: pair, kind: Spot}\nspeed: '3'\nfaults:\n  - {kind: Drop, channel: User, after: 20}\n"
    )
    specification = specification_from_file(tmp_path / "exchange.yaml")
    assert (specification.speed, specification.faults[0].after) == ("3", 20)


def test_options_make_a_specification() -> None:
    specification = specification_of(
        snapshot=DIGEST,
        synthetic=None,
        speed="2",
        at_end=AtEnd.REPEAT,
        balances=["BTC=0.5"],
        fees=("-1", None),
        leverage=5,
    )
    assert [(one.asset, one.amount) for one in specification.balances] == [("BTC", "0.5")]
    (tier,) = specification.fees.tiers
    assert (tier.maker_basis_points, tier.taker_basis_points) == ("-1", "0")


def test_keys_are_made_once_for_this_user_alone(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    exchange._make_keys(keys)
    made = (keys / "apiKey").read_text(), (keys / "apiSecret").read_text()
    assert len({*made}) == 2
    assert [(keys / name).stat().st_mode & 0o777 for name in ("apiKey", "apiSecret")] == [0o600, 0o600]
    exchange._make_keys(keys)
    assert ((keys / "apiKey").read_text(), (keys / "apiSecret").read_text()) == made


def test_keys_of_accounts_are_left_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "apiKey").write_text("k")
    exchange._make_keys(tmp_path)
    assert not (tmp_path / "apiKey").exists()


def test_keys_that_cannot_be_made_are_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandFailure, match="cannot be made") as failure:
        exchange._make_keys(tmp_path / "file" / "keys")
    assert failure.value.remedy is not None
    assert "--keys" in failure.value.remedy
