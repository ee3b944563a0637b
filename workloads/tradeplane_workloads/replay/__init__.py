"""Whether two runs, two sessions, or two sets of market data are the same; and where they first part.

Nothing is imported here: what compares loads no engine, and what replays a session no more than it needs to begin.
"""
