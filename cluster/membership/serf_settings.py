"""What a serf URL says, the agent to be started included."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass, field

from cluster.membership.serf_agent import AgentSettings
from cluster.membership.urls import EngineUrl, joined_address

_GOSSIP_PORT = 7946
_RPC_PORT = 7373
_OF_ALL = ("cluster", "auth", "agent")
_OF_OUR_AGENT = ("bind", "advertise", "join", "key", "snapshot", "binary", "profile")


@dataclass(frozen=True, slots=True)
class SerfSettings:
    """Where the agent's RPC is, in what cluster it is to carry our tags, and how it is started if it is ours.

    shown: the URL without its secrets. join: where other agents gossip, host:port; of our own agent alone. reply_s: how
    long the agent may take to answer. look_again_s: how often to look though nothing was heard, as an agent may drop
    events for those it finds too slow.
    """

    shown: str
    host: str
    port: int
    cluster: str = "ringward"
    auth: str = field(default="", repr=False)
    agent: AgentSettings | None = None
    join: Sequence[str] = ()
    reply_s: float = 5.0
    look_again_s: float = 10.0


def settings_of(url: EngineUrl) -> SerfSettings:
    """Raises Misconfigured for what they cannot be, and for options of an agent that is not ours."""
    if url.path or url.user or url.password:
        raise url.refusal("expected serf://host:port; a key is given as auth=")
    is_ours = url.choice("agent", "running", "start") == "start"
    url.allow_only(*_OF_ALL, *(_OF_OUR_AGENT if is_ours else ()))
    host, port = url.address(url.authority, port=_RPC_PORT)
    cluster = url.options.get("cluster", "ringward")
    if not _CLUSTER_NAME.fullmatch(cluster):
        raise url.refusal(f"cluster is {cluster!r}; expected up to 64 letters, digits, dots, dashes and underscores")
    return SerfSettings(
        shown=url.shown,
        host=host,
        port=port,
        cluster=cluster,
        auth=url.options.get("auth", ""),
        agent=_agent(url, joined_address(host, port)) if is_ours else None,
        join=tuple(_gossip_address(url, part) for part in url.options.get("join", "").split(",") if part),
    )


_CLUSTER_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


def _agent(url: EngineUrl, rpc: str) -> AgentSettings:
    advertise = url.options.get("advertise", "")
    return AgentSettings(
        binary=url.options.get("binary", "serf"),
        bind=_gossip_address(url, url.options.get("bind", "0.0.0.0")),  # noqa: S104 - serf's own default
        advertise=advertise and _gossip_address(url, advertise),
        rpc=rpc,
        auth=url.options.get("auth", ""),
        encrypt=_encryption_key(url),
        snapshot=url.options.get("snapshot", ""),
        profile=url.choice("profile", "lan", "wan", "local"),
    )


def _gossip_address(url: EngineUrl, text: str) -> str:
    return joined_address(*url.address(text, port=_GOSSIP_PORT))


def _encryption_key(url: EngineUrl) -> str:
    key = url.options.get("key", "")
    try:
        length_bytes = len(b64decode(key, validate=True))
    except ValueError:
        length_bytes = -1
    if length_bytes not in {0, 16, 24, 32}:
        raise url.refusal("key is not 16, 24 or 32 bytes in base64; serf keygen makes one")
    return key
