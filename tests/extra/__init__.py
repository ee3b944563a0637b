"""Tests that need data or a processor feature not every machine has; ``make test-extra`` runs them."""
