"""Brokers as a pod reaches them: Binance's protocol, and the probe of a connection.

Nothing here is on the path of a run: aiohttp is imported by what speaks to a broker, and by nothing else.
"""
