"""The command line: tradeplane, also found by kubectl as kubectl-tradeplane."""
