"""Paper trading: a strategy that trades a connection, recorded as a session. One trader, one folder, one loop.

Everything that happens is fed to the session (``tradeplane_workloads.sessions``) in the order it arrived, on one
thread; what the session decides is on disk before it is sent. Pure: what a message says (``books``, ``reports``), what
a request is on the wire (``requests``), and which reports are news (``judging``).
"""
