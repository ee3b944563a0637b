"""Market data: what a strategy sees, and where it is read from."""
