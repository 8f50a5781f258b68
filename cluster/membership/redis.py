"""Members that keep leases in Redis: ``redis://user:password@host:6379/0?cluster=name``, ``rediss://`` with TLS.

Each member writes what it says of itself under a key that Redis forgets after a while, and writes it again three times
in that while. Redis alone counts the time, so clocks of nodes do not matter. A set names those who have written, so
that nobody has to search a database that others use too. Whoever comes, changes or goes tells the others by a message;
who hears none, as messages may be lost, looks every few seconds. An empty Redis is filled again by the next writings.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator
from contextlib import suppress

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from cluster.member import Member
from cluster.membership.announcements import announced_member, announcement_of
from cluster.redis_server import RedisServer
from model.errors import Unavailable

log = structlog.get_logger(__name__)

_LEASE_S = 6.0
_POLL_S = 2.0
_ANSWER_S = 2.0
_FAREWELL_S = 1.0
_TOGETHER_S = 0.05  # what comes within is told as one change: many nodes may start at once

# KEYS: the set, the lease. ARGV: the address, what it says, for how many milliseconds, the channel. The set lives as
# long as the youngest lease: those in it whose leases have ended are cleared away by the next reader.
_WRITE = """
local before = redis.call('GET', KEYS[2])
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
if before ~= ARGV[2] then redis.call('PUBLISH', ARGV[4], ARGV[1]) end
"""
# The same, but the lease may have become another's: that of a process which took our place at this address.
_REMOVE = """
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return end
redis.call('DEL', KEYS[2])
redis.call('SREM', KEYS[1], ARGV[1])
redis.call('PUBLISH', ARGV[4], ARGV[1])
"""
# KEYS: the set. ARGV: what the keys of leases begin with. Gives addresses and what they say, in turn.
_LIST = """
local found = {}
for _, address in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local said = redis.call('GET', ARGV[1] .. address)
  if said then
    found[#found + 1] = address
    found[#found + 1] = said
  else
    redis.call('SREM', KEYS[1], address)
  end
end
return found
"""


class RedisMembership:
    """Leased keys and a channel in one Redis.

    lease_s: after how long without a word a member is forgotten; shorter notices the dead sooner, and forgets those
    who were only held up. poll_s: how often those who hear nothing look.
    """

    def __init__(self, server: RedisServer, *, lease_s: float = _LEASE_S, poll_s: float = _POLL_S) -> None:
        self._server = server
        self._lease_s = lease_s
        self._poll_s = poll_s
        self._unreadable: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"<RedisMembership {self._server}>"

    @classmethod
    def of(cls, text: str) -> RedisMembership:
        """The engine of a URL. Raises Misconfigured for one of another form."""
        return cls(RedisServer.of(text))

    async def announce(self, me: Member) -> None:
        """Write our lease, and again each third of its time; when cancelled, take it back. Raises Unavailable."""
        said = json.dumps({**announcement_of(me), "process": secrets.token_hex(8)})
        async with self._server.connected(_ANSWER_S) as redis:
            try:
                while True:
                    await self._run(redis, _WRITE, me.address, said, within_s=_ANSWER_S)
                    await asyncio.sleep(self._lease_s / 3)
            except asyncio.CancelledError:
                with suppress(Unavailable):  # then it is the lease that ends
                    await self._run(redis, _REMOVE, me.address, said, within_s=_FAREWELL_S)
                raise

    async def views(self) -> AsyncGenerator[frozenset[Member]]:
        """Those with a lease, and again when they are others. Raises Unavailable."""
        known: frozenset[Member] | None = None
        async with self._server.connected(_ANSWER_S) as redis, redis.pubsub() as changes:
            async with self._server.asked(_ANSWER_S):
                await changes.subscribe(self._key("changes"))
            while True:
                found = await self._list(redis)
                if found != known:
                    known = found
                    yield known
                await self._change(changes)

    async def _run(self, redis: Redis, script: str, address: str, said: str, *, within_s: float) -> None:
        keys = (self._key("members"), self._key(f"member:{address}"))
        arguments = (address, said, str(round(self._lease_s * 1000)), self._key("changes"))
        async with self._server.asked(within_s):
            await redis.register_script(script)(keys, arguments)

    async def _list(self, redis: Redis) -> frozenset[Member]:
        async with self._server.asked(_ANSWER_S):
            flat = await redis.register_script(_LIST)((self._key("members"),), (self._key("member:"),))
        texts = [text.decode(errors="replace") for text in flat]
        members: set[Member] = set()
        unreadable: set[str] = set()
        for address, said in zip(texts[::2], texts[1::2], strict=True):
            try:
                members.add(_read(address, said))
            except ValueError as error:
                unreadable.add(address)
                if address not in self._unreadable:
                    log.warning("a member is left out", engine=str(self._server), member=address, reason=str(error))
        self._unreadable = frozenset(unreadable)
        return frozenset(members)

    async def _change(self, changes: PubSub) -> None:
        """Return when there was a message, or none for long enough to look without one."""
        async with self._server.asked(self._poll_s + _ANSWER_S):
            if await changes.get_message(ignore_subscribe_messages=True, timeout=self._poll_s) is None:
                return
            await asyncio.sleep(_TOGETHER_S)
            while await changes.get_message(timeout=0):
                pass

    def _key(self, name: str) -> str:
        return self._server.key(name)


def _read(address: str, said: str) -> Member:
    """Raises ValueError, saying why, for what no member of ours wrote."""
    fields = json.loads(said)
    if not isinstance(fields, dict):
        raise ValueError(f"expected an object, got {said[:80]!r}")  # noqa: TRY004 - it is input, not a bug
    return announced_member(address, fields)
