"""The form of the header, and the keys an operator hands out."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.auth import preshared
from api.auth.bearer import Anyone, bearer_token
from api.auth.preshared import PresharedKeys
from api.auth.settings import PresharedSettings
from model.errors import ErrorCode, Misconfigured, Unauthenticated
from node.node import open_node
from node.settings import NodeSettings
from proto.base.v1 import service_pb2 as pb
from tests.support.client import Client

KEYS = ("first-key-of-the-node", "second-key-of-the-node")


def keys(*keys: str) -> PresharedKeys:
    return PresharedKeys(PresharedSettings(keys))


@given(st.text(min_size=1, max_size=40))
def test_the_token_is_all_that_follows_the_first_space(token: str) -> None:
    assert bearer_token(f"Bearer {token}") == token


@given(st.text(max_size=40).filter(lambda text: not text.lower().startswith("bearer ")))
def test_anything_else_is_no_token_and_is_not_quoted(header: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        bearer_token(header)
    assert refused.value.code is ErrorCode.MISSING_BEARER_TOKEN
    assert str(refused.value) == "expected the header or metadata 'authorization: Bearer <token>'"


@pytest.mark.parametrize("key", KEYS)
async def test_each_key_opens_the_door(key: str) -> None:
    await keys(*KEYS).authenticate(f"Bearer {key}")
    await keys(*KEYS).authenticate(f"bearer {key}")


@pytest.mark.parametrize(
    "token", [f" {KEYS[0]}", f"{KEYS[0]} ", KEYS[0][:-1], KEYS[0].upper(), ",".join(KEYS), "\udcff"]
)
async def test_nothing_but_a_key_opens_the_door(token: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await keys(*KEYS).authenticate(f"Bearer {token}")
    assert refused.value.code is ErrorCode.INVALID_KEY
    assert token.strip() not in str(refused.value)


@pytest.mark.parametrize("token", [KEYS[0], KEYS[1], "neither"])
async def test_every_key_is_compared_whichever_fits(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []

    def counting(one: bytes, other: bytes) -> bool:
        compared.append(len(other))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(preshared, "compare_digest", counting)
    try:
        await keys(*KEYS).authenticate(f"Bearer {token}")
    except Unauthenticated:
        assert token == "neither"
    assert compared == [32, 32]


@pytest.mark.parametrize("given", [(), ("",), ("good-key-of-the-node", ""), (" ",)])
def test_a_lock_without_a_key_is_refused(given: Sequence[str]) -> None:
    with pytest.raises(Misconfigured, match="at least one key"):
        keys(*given)


def test_no_repr_shows_a_key() -> None:
    settings = NodeSettings(auth=PresharedSettings(KEYS))
    assert "key-of-the-node" not in f"{settings!r} {settings.auth!r} {keys(*KEYS)!r}"
    assert repr(keys(*KEYS)) == "<PresharedKeys of 2>"


async def test_without_authentication_anybody_may_ask() -> None:
    await Anyone().authenticate(None)
    await Anyone().authenticate("nonsense")


async def test_a_node_with_keys_lets_in_who_shows_one() -> None:
    settings = NodeSettings(host="127.0.0.1", grpc_port=0, grace_s=0.1, auth=PresharedSettings(KEYS))
    async with open_node(settings) as node, grpc.aio.insecure_channel(node.grpc_address) as channel:
        assert node.asks_for_tokens
        await Client(channel, authorization=f"Bearer {KEYS[1]}").call("Tenancy.List", pb.TenantListRequest())
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await Client(channel, authorization="Bearer wrong").call("Tenancy.List", pb.TenantListRequest())
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert refused.value.details() == "ERROR_CODE_INVALID_KEY"
