"""Tokens a node has drawn ahead from the bucket all nodes share, so that few calls wait for a trip there.

A token drawn is a promise that this node may admit one call, and it is kept for ``LEASE_S`` only. So whatever was
admitted in a span of time was drawn in that span or at most a lease before it, and since the shared bucket gives no
more than a burst and what flowed in meanwhile, all nodes together admit in T seconds at most

    per_s * (1 + T + LEASE_S)        however many they are.

How many are drawn follows the demand: what is asked for in ``AHEAD_S``, refused calls included. A node that asks less
than once in that time draws nothing ahead, so it wastes nothing. Where the shared bucket gave less than was asked for,
there is a pause before it is asked again: calls that are refused by the thousand cost a trip each pause, not each.
"""

from __future__ import annotations

from collections import deque

LEASE_S = 0.1
AHEAD_S = 0.05
PAUSE_S = 0.005


class TokenStock:
    """The tokens drawn and not used yet. Times are those of one monotonic clock, the caller's.

    per_s: how many flow into the shared bucket.
    """

    def __init__(self, per_s: int, now_s: float) -> None:
        self._per_s = per_s
        self._batches: deque[tuple[float, int]] = deque()  # when they end, and how many; the oldest first
        self._tokens = 0
        self._asked = 0
        self._drew_at_s = now_s
        self._demand_per_s = 0.0
        self._pauses_until_s = now_s

    def __repr__(self) -> str:
        return f"<TokenStock {self._tokens} tokens, {self._demand_per_s:.0f} asked for per second>"

    def ask(self, now_s: float) -> bool:
        """Whether there was a token for one more call; it is taken."""
        self._asked += 1
        return self.take(now_s)

    def take(self, now_s: float) -> bool:
        """The same for a call that has asked before."""
        batches = self._batches
        while batches and batches[0][0] <= now_s:
            self._tokens -= batches.popleft()[1]
        if not batches:
            return False
        ends_at_s, tokens = batches[0]
        self._tokens -= 1
        if tokens == 1:
            batches.popleft()
        else:
            batches[0] = (ends_at_s, tokens - 1)
        return True

    def is_low(self, now_s: float) -> bool:
        """Whether more should be drawn before they are missed."""
        return self._tokens < self._ahead() / 2 and not self.pause_s(now_s)

    def pause_s(self, now_s: float) -> float:
        """For how long the shared bucket is not to be asked, and calls that find no token are refused; 0 for not."""
        return max(0.0, self._pauses_until_s - now_s)

    def draws(self, waiting: int, now_s: float) -> int:
        """How many to draw now, so many calls waiting; what is asked for is counted anew from here on."""
        elapsed_s = now_s - self._drew_at_s
        remembered = max(0.0, 1 - elapsed_s / AHEAD_S)
        self._demand_per_s = self._demand_per_s * remembered + self._asked / max(elapsed_s, AHEAD_S)
        self._asked, self._drew_at_s = 0, now_s
        return waiting + max(0, self._ahead() - self._tokens)

    def drawn(self, tokens: int, *, asked: int, drawn_at_s: float, next_in_s: float, now_s: float) -> None:
        """Put in what was given for what was asked.

        drawn_at_s: when it was asked, since they may have been given right after. next_in_s: when the shared bucket
        will have another.
        """
        if tokens:
            self._batches.append((drawn_at_s + LEASE_S, tokens))
            self._tokens += tokens
        if tokens < asked:
            self._pauses_until_s = now_s + max(PAUSE_S, next_in_s)

    def _ahead(self) -> int:
        return int(min(self._demand_per_s, self._per_s) * AHEAD_S)
