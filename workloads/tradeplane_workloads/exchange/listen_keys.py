"""Listen keys: names of the streams of accounts, which lapse unless they are asked to stay."""

from __future__ import annotations

import secrets

from tradeplane_workloads.exchange.refusal import NO_LISTEN_KEY, Refusal

LIFETIME_MS = 60 * 60_000


class ListenKeys:
    """At most one key an account."""

    def __init__(self) -> None:
        self._keys: dict[int, tuple[str, int]] = {}

    def open(self, account: int, now_ms: int) -> str:
        """Return an account's key, a new one where it has none, and let it live on."""
        key, until_ms = self._keys.get(account, ("", 0))
        if now_ms >= until_ms:
            key = secrets.token_urlsafe(48)
        self._keys[account] = (key, now_ms + LIFETIME_MS)
        return key

    def extend(self, account: int, now_ms: int) -> str:
        """Let an account's key live on. Raises Refusal where it has none."""
        if now_ms >= self._keys.get(account, ("", 0))[1]:
            raise Refusal.of(NO_LISTEN_KEY)
        return self.open(account, now_ms)

    def close(self, account: int) -> str | None:
        """Let an account's key lapse, and return it."""
        return self._keys.pop(account, (None, 0))[0]

    def lapsed(self, now_ms: int) -> list[int]:
        """Return the accounts whose key has lapsed since this was last asked, and forget the keys."""
        found = [account for account, (_, until_ms) in self._keys.items() if now_ms >= until_ms]
        for account in found:
            del self._keys[account]
        return found

    def account_of(self, key: str, now_ms: int) -> int | None:
        """Return whose key it is, while it lives."""
        found = (
            account
            for account, (known, until_ms) in self._keys.items()
            if now_ms < until_ms and secrets.compare_digest(known.encode(), key.encode())
        )
        return next(found, None)
