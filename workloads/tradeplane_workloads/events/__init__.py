"""The event engine from Python: a strategy on tapes, its terms, and the tables it leaves.

Nothing is imported here: a session needs the terms alone, and the rest is slow to load.
"""
