"""The Rust core of tradeplane: what decides a result is computed here, to the same bits on every processor."""

from tradeplane_native._native import (
    Figures,
    Generator,
    Simulator,
    __version__,
    atr,
    bollinger,
    ema,
    macd,
    rsi,
    simd_path,
    simd_paths,
    sma,
    zscore,
)

__all__ = [
    "Figures",
    "Generator",
    "Simulator",
    "__version__",
    "atr",
    "bollinger",
    "ema",
    "macd",
    "rsi",
    "simd_path",
    "simd_paths",
    "sma",
    "zscore",
]
