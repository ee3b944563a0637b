"""Measurements against peers; ``python -m tests.bench`` runs them."""
