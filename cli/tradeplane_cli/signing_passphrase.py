"""The passphrase of a signing key, which no argument and no file of ours has."""

from __future__ import annotations

import os

PASSPHRASE_VARIABLE = "TRADEPLANE_KEY_PASSPHRASE"  # noqa: S105 - the name of a variable
"""Environment variable with the passphrase of a signing key; in an argument everybody on the machine could read it."""


def passphrase() -> bytes | None:
    """Return the passphrase of a signing key from the environment, where there is one."""
    text = os.environ.get(PASSPHRASE_VARIABLE)
    return text.encode() if text else None
