"""A simulated exchange on this machine: its specification from options or a file, its keys, and its end at Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError
from tradeplane_api.exchange import AtEnd, ExchangeSpecification
from tradeplane_api.run import ExitCode
from tradeplane_store.objects import open_store
from tradeplane_workloads.exchange.credentials import KEY_FILE, SECRET_FILE, KeyDirectory
from tradeplane_workloads.exchange.serving import Address, Exchange, Where

from tradeplane_cli.failures import CommandFailure, Problem
from tradeplane_cli.local_store import data_folder
from tradeplane_cli.printing import OutputFormat, pairs, show

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LOOPBACK = "127.0.0.1"
MAX_FILE_BYTES = 65_536
DEFAULT_BALANCES = ("USDT=1000000", "SYN=1000")


@dataclass(frozen=True, slots=True)
class Serving:
    """What is served, and where."""

    specification: ExchangeSpecification
    store: str
    port: int
    keys: Path | None
    record: Path | None
    output: OutputFormat


def specification_of(
    *,
    snapshot: str | None,
    synthetic: dict[str, Any] | None,
    speed: str,
    at_end: AtEnd,
    balances: Sequence[str] | None,
    fees: tuple[str | None, str | None],
    leverage: int,
) -> ExchangeSpecification:
    """Return a specification from options. Raises CommandFailure naming what is wrong."""
    document: dict[str, Any] = {"speed": speed, "atEnd": at_end, "leverage": leverage}
    document |= {"snapshot": snapshot} if snapshot else {}
    document |= {"synthetic": synthetic} if synthetic else {}
    document["balances"] = [_balance(text) for text in balances or DEFAULT_BALANCES]
    maker, taker = fees
    if maker is not None or taker is not None:
        tier = {"fromVolume": "0", "makerBasisPoints": maker or "0", "takerBasisPoints": taker or "0"}
        document["fees"] = {"tiers": [tier]}
    return _validated(document, "the options are not valid", None)


def specification_from_file(path: Path) -> ExchangeSpecification:
    """Read a specification. Raises CommandFailure naming the file and what is wrong."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise CommandFailure(f"{path}: {error.strerror}", remedy="give a file that can be read") from error
    if len(data) > MAX_FILE_BYTES:
        raise CommandFailure(f"{path} has more than {MAX_FILE_BYTES} bytes", remedy="give a specification")
    try:
        document = yaml.safe_load(data)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CommandFailure(f"{path} is no YAML: {str(error).splitlines()[0]}", remedy="correct the file") from error
    return _validated(document, f"{path} is not valid", str(path))


def serve_exchange(serving: Serving) -> None:
    """Serve until Ctrl-C or SIGTERM, or until the tapes are over where that ends it."""
    keys = serving.keys or data_folder() / "exchange-keys"
    specification = serving.specification
    store = open_store(serving.store) if specification.snapshot is not None else None
    exchange = Exchange(specification, store, KeyDirectory(keys), time.time_ns, serving.record)
    _make_keys(keys)  # only now: what cannot be served leaves nothing behind

    def say(address: Address) -> None:
        value = {
            "rest": address.rest,
            "streams": address.streams,
            "wire": address.wire.value,
            "symbols": list(address.symbols),
            "keys": str(keys),
        }
        rows = [(name, value if isinstance(value, str) else ", ".join(value)) for name, value in value.items()]
        show(value, serving.output, lambda: pairs(rows))

    asyncio.run(_serve(exchange, Where(LOOPBACK, serving.port), say))


async def _serve(exchange: Exchange, where: Where, say: Any) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await exchange.serve(where, say, stop)


def _make_keys(directory: Path) -> None:
    """Make a pair of keys where there is none at all; nobody but this user may read them."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(directory.rglob(KEY_FILE)):
            return
        for name in (SECRET_FILE, KEY_FILE):
            file = os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(file, "w") as text:
                text.write(secrets.token_hex(32) + "\n")
    except OSError as error:
        raise CommandFailure(
            f"the keys in {directory} cannot be made: {error.strerror}",
            code=ExitCode.STORE,
            remedy="give --keys a directory that can be written, or that has apiKey and apiSecret",
        ) from error


def _balance(text: str) -> dict[str, str]:
    asset, equals, amount = text.partition("=")
    if not equals:
        raise CommandFailure(f"--balance {text!r} is no ASSET=AMOUNT", remedy="write it as USDT=50000")
    return {"asset": asset, "amount": amount}


def _validated(document: object, message: str, file: str | None) -> ExchangeSpecification:
    try:
        return ExchangeSpecification.model_validate(document)
    except ValidationError as error:
        problems = tuple(
            Problem(one["msg"], file=file, field=".".join(map(str, one["loc"])) or None)
            for one in error.errors(include_url=False, include_context=False, include_input=False)
        )
        raise CommandFailure(message, problems=problems) from error
