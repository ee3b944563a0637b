"""The operator: watches what users ask for, decides purely, acts little.

``planning`` decides and does no I/O; ``observing`` keeps what the watches bring; ``acting`` writes to the API server;
``running`` is the loop between them, its leadership and its health. ``handlers`` is all that kopf calls.
"""
