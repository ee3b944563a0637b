"""The contract stated as tests: one suite of cases, computed on every path there is, has the same bits on all of them.

A *case* has a name and a digest: an indicator, the random numbers, a simulation, what a built-in strategy decides and
what becomes of it. A *path* is a way to compute it: instructions of the Rust core on either architecture, and Python
with NumPy, its BLAS and the C library shown an older processor. ``python -m tests.parity`` writes one table of them.
"""
