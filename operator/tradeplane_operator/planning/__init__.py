"""Pure decisions: from what was observed to what is wanted. No clock, no I/O, nothing remembered between calls."""
