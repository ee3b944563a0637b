"""What every test has in common."""

from __future__ import annotations

from hypothesis import settings

# A deadline on an example would make a busy machine fail what is right; how long things take is for the benchmarks.
settings.register_profile("tradeplane", deadline=None)
settings.load_profile("tradeplane")
