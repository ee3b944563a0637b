"""The Rust core of tradeplane: what decides a result is computed here, to the same bits on every processor."""

from tradeplane_native._native import __version__

__all__ = ["__version__"]
