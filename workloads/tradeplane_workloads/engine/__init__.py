"""The bar engine: a simulation of a strategy on bars, to the same bits everywhere.

Nothing is imported here: what trades on events needs its settings alone, and the rest is slow to load.
"""
