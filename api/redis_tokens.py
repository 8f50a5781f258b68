"""The token bucket all nodes of a cluster share, in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cluster.redis_server import RedisServer

if TYPE_CHECKING:
    from redis.asyncio import Redis

# KEYS: the bucket. ARGV: tokens per second, which is also how many it holds; how many are wanted. Time is Redis' own;
# should it go backwards, none has passed. A bucket that has not been asked until it is full is as good as none.
_DRAW = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local per_s, wanted = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local passed = math.max(0, now - (tonumber(kept[2]) or now))
local tokens = math.min(per_s, (tonumber(kept[1]) or per_s) + passed * per_s)
local given = math.min(wanted, math.floor(tokens + 0.000001))
tokens = tokens - given
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((per_s - tokens) / per_s * 1000) + 1000)
return {given, string.format('%.6f', math.max(0, 1 - tokens) / per_s)}
"""


class Draw(NamedTuple):
    """tokens: how many were given, perhaps fewer than asked for. next_in_s: when there will be one to give."""

    tokens: int
    next_in_s: float


class RedisTokens:
    """``per_s`` tokens, refilled at ``per_s`` a second, for all who draw from the same Redis and cluster."""

    def __init__(self, server: RedisServer, redis: Redis, per_s: int) -> None:
        self._server = server
        self._draw = redis.register_script(_DRAW)
        self._per_s = per_s

    def __repr__(self) -> str:
        return f"<RedisTokens {self._per_s} per second in {self._server}>"

    async def draw(self, tokens: int, *, within_s: float) -> Draw:
        """So many tokens or as many as there are, in one trip. Raises Unavailable, also if late."""
        async with self._server.asked(within_s):
            given, next_in_s = await self._draw((self._server.key("rate-limit"),), (self._per_s, tokens))
            return Draw(int(given), float(next_in_s))
