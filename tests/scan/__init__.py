"""Scanners as judges of what is deployed; ``make scan`` runs them (``python -m tests.scan``).

Every finding is either mended or accepted in ``accepted.yaml`` with the reason beside it; what is accepted and found no
more is an error as well. Each scanner is shown an object with faults first: one that finds none there judges nothing.
"""
