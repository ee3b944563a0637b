"""What runs in a pod or on a laptop: market data, engine, strategies, results."""
