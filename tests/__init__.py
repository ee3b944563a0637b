"""The tests of tradeplane: unit, integration, e2e, extra and bench."""
