"""A simulated exchange: a server that speaks Binance's wire form and plays a tape (docs/simulated-exchange.md).

What decides (matching, balances, the record of inputs) is in the Rust core. Protocol here is pure: parsing, formats,
signatures, filters and limits know neither sockets nor clocks; ``server``, ``connection``, ``player`` and
``record_file`` are what touches the world.
"""
