"""A capture on a laptop: from options to a specification, and each bundle told as it is sealed."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from pydantic import ValidationError
from tradeplane_api.capture import CaptureSpecification, Channel
from tradeplane_api.venue import PUBLIC_ENDPOINTS, Market

from tradeplane_cli.failures import CommandFailure
from tradeplane_cli.printing import GAP, OutputFormat
from tradeplane_cli.progress import stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradeplane_api.capture import SealedBundle
    from tradeplane_workloads.capture.agent import Progress

_DURATION = re.compile(r"([1-9][0-9]{0,6})(s|m|h)")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


class CapturedMarket(StrEnum):
    """Which of Binance's protocols is spoken, as ``--market`` says."""

    SPOT = "spot"
    USD_MARGINED = "usd-margined"
    COIN_MARGINED = "coin-margined"


class CapturedChannel(StrEnum):
    """What is taken down, as ``--channel`` says."""

    DEPTH = "depth"
    TRADE = "trade"
    AGGREGATED_TRADE = "aggregated-trade"
    QUOTE = "quote"


_MARKETS = {
    CapturedMarket.SPOT: Market.SPOT,
    CapturedMarket.USD_MARGINED: Market.USD_MARGINED,
    CapturedMarket.COIN_MARGINED: Market.COIN_MARGINED,
}
_CHANNELS = {
    CapturedChannel.DEPTH: Channel.DEPTH,
    CapturedChannel.TRADE: Channel.TRADE,
    CapturedChannel.AGGREGATED_TRADE: Channel.AGGREGATED_TRADE,
    CapturedChannel.QUOTE: Channel.QUOTE,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What to capture, as given on the command line; the fields are those of the options."""

    market: CapturedMarket
    symbols: tuple[str, ...]
    channels: tuple[CapturedChannel, ...]
    endpoint: str | None = None
    rest: str | None = None
    every: str = "60s"
    duration: str | None = None
    keep: int = 0
    name: str | None = None
    spool: Path | None = None


def run_capture(asked: Asked, store_url: str, index: str | None, output: OutputFormat) -> None:
    """Capture until an interrupt, or for the time asked. Raises CommandFailure for options that cannot be."""
    specification = specification_of(asked)
    seconds = None if asked.duration is None else _duration("--for", asked.duration)
    spool = asked.spool or default_spool(specification.capture)

    from tradeplane_store.objects import open_store
    from tradeplane_workloads.capture.running import capture

    open_store(store_url)
    with stage(f"Capturing {', '.join(asked.symbols)}") as say:
        capture(specification, spool.absolute(), (store_url, index), _teller(say, output), seconds)


def specification_of(asked: Asked) -> CaptureSpecification:
    """Return what an agent is told. Raises CommandFailure naming the option that cannot be."""
    market = _MARKETS[asked.market]
    public = PUBLIC_ENDPOINTS[market]
    stream, rest = public.stream, public.rest
    if asked.endpoint is not None:
        stream, rest = asked.endpoint, re.sub(r"^ws", "http", asked.endpoint)
    default = f"{asked.market}-{'-'.join(asked.symbols)}"
    name = asked.name or re.sub(r"[^a-z0-9]+", "-", default.lower())[:63].strip("-")
    try:
        return CaptureSpecification.model_validate(
            {
                "capture": name,
                "feed": {
                    "market": market,
                    "stream": stream,
                    "rest": asked.rest or rest,
                    "symbols": asked.symbols,
                    "channels": [_CHANNELS[channel] for channel in asked.channels],
                },
                "rotation": {"seconds": _duration("--every", asked.every)},
                "spool": {"keep": asked.keep},
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = next((str(step) for step in reversed(first["loc"]) if str(step) in _OPTIONS), "capture")
        raise CommandFailure(f"{_OPTIONS[place]} {first['input']!r} {first['msg']}") from error


_OPTIONS = {
    "capture": "--name",
    "stream": "--endpoint",
    "rest": "--rest",
    "symbols": "--symbol",
    "channels": "--channel",
    "seconds": "--every",
    "keep": "--keep",
}


def default_spool(name: str) -> Path:
    """Return the folder of a capture's spool, as the XDG base directory specification has it."""
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    return base / "tradeplane" / "spool" / name


def _teller(say: Callable[[str], None], output: OutputFormat) -> Callable[[Progress, SealedBundle | None], None]:
    def tell(progress: Progress, bundle: SealedBundle | None) -> None:
        if bundle is not None:
            typer.echo(told(bundle, output))
        kept_out = f", {sum(progress.kept_out.values()):,} kept out" if progress.kept_out else ""
        say(f"Segment {progress.segment}: {progress.acknowledged:,} messages on the disk{kept_out}")

    return tell


def told(bundle: SealedBundle, output: OutputFormat) -> str:
    """Return what is said of a bundle that was sealed."""
    if output is OutputFormat.JSON:
        return bundle.model_dump_json()
    if output is OutputFormat.YAML:
        return "---\n" + "\n".join(f"{name}: {json.dumps(value)}" for name, value in bundle.model_dump().items())
    gaps = "no gaps" if not bundle.gaps else "one gap" if bundle.gaps == 1 else f"{bundle.gaps:,} gaps"
    what = bundle.snapshot or "no snapshot: nothing that a tape holds"
    refused = [f"{bundle.refused:,} lines refused"] if bundle.refused else []
    return GAP.join([what, f"segment {bundle.number}", f"{bundle.records:,} records", gaps, *refused])


def _duration(option: str, text: str) -> int:
    matched = _DURATION.fullmatch(text)
    if matched is None:
        raise CommandFailure(f"{option} {text} is not a time", remedy=f"write for example {option} 60s, 10m or 1h")
    return int(matched[1]) * _SECONDS[matched[2]]
