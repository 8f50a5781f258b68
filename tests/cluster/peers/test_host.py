"""The listener of the peer port: encrypted or not, and where it listens."""

from __future__ import annotations

import pytest
import trustme

from cluster.invoker.answers import NoAnswer
from model.errors import Unavailable
from tests.cluster.peers.two_nodes import Certificates, FakeOwn, answered, ask, asking, request, serving
from tests.support.certificates import issue

pytestmark = pytest.mark.usefixtures("carriers")


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def other_ca() -> trustme.CA:
    return trustme.CA()


async def test_nodes_that_show_certificates_of_one_ca_ask_each_other(ca: trustme.CA) -> None:
    theirs, ours = Certificates(issue(ca), ca), Certificates(issue(ca), ca)
    async with serving(FakeOwn(), tls=theirs) as there, asking(tls=ours) as peers:
        assert await ask(peers, there.address) == answered(request())
        assert (await peers.card_of(there.address)).member.address == "answering:1"


async def test_a_node_without_certificate_or_with_one_of_another_ca_is_not_heard(
    ca: trustme.CA, other_ca: trustme.CA
) -> None:
    own = FakeOwn()
    async with serving(own, tls=Certificates(issue(ca), ca)) as there:
        for leaf in (None, issue(other_ca)):
            async with asking(tls=Certificates(leaf, ca)) as peers:
                with pytest.raises(NoAnswer, match=f"{there.address} cannot be asked: UNAVAILABLE"):
                    await peers.card_of(there.address)
                with pytest.raises(NoAnswer, match=there.address):
                    await ask(peers, there.address)
    assert own.began == 0


async def test_a_listener_with_a_certificate_of_another_ca_is_not_asked(ca: trustme.CA, other_ca: trustme.CA) -> None:
    own = FakeOwn()
    theirs, ours = Certificates(issue(other_ca), ca), Certificates(issue(ca), ca)
    async with serving(own, tls=theirs) as there, asking(tls=ours) as peers:
        with pytest.raises(NoAnswer, match=there.address):
            await ask(peers, there.address)
    assert own.began == 0


async def test_who_encrypts_and_who_does_not_get_no_answer(ca: trustme.CA) -> None:
    async with serving(FakeOwn(), tls=Certificates(issue(ca), ca)) as there, asking() as peers:
        with pytest.raises(NoAnswer, match=there.address):
            await ask(peers, there.address)
    async with serving(FakeOwn()) as there, asking(tls=Certificates(issue(ca), ca)) as peers:
        with pytest.raises(NoAnswer, match=there.address):
            await ask(peers, there.address)


async def test_a_port_in_use_is_named() -> None:
    async with serving(FakeOwn()) as there:
        with pytest.raises(Unavailable, match=f"cannot listen on {there.address}"):
            async with serving(FakeOwn(), port=there.host.port):
                pass
