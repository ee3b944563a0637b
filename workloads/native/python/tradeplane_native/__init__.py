"""The Rust core of tradeplane: what decides a result is computed here, to the same bits on every processor."""

from tradeplane_native._native import (
    Figures,
    Generator,
    Simulator,
    TapeDecoder,
    __version__,
    atr,
    bollinger,
    ema,
    encode_tape,
    macd,
    rsi,
    sma,
    zscore,
)

__all__ = [
    "Figures",
    "Generator",
    "Simulator",
    "TapeDecoder",
    "__version__",
    "atr",
    "bollinger",
    "ema",
    "encode_tape",
    "macd",
    "rsi",
    "sma",
    "zscore",
]
