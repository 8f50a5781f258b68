"""Nodes ask each other over real sockets."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from cluster.invoker.answers import Answered, NoAnswer
from cluster.member import Member
from cluster.peers.breaker import BreakerState
from cluster.peers.card import PROTOCOLS, Card, CardState, PeerRefused, Protocols
from cluster.peers.cluster_key import ClusterKey
from cluster.peers.dialler import Dialler
from cluster.peers.greeting import Greeter
from cluster.peers.peers import Peers
from model.check import CheckAnswer, CheckRequest
from model.errors import AuthzError, InvalidRequest, LimitExceeded, NotFound, RuleFailed, SnapshotExpired, Unavailable
from telemetry.calls import RequestIds, Served, current_call, set_call
from telemetry.sampling import Sampler, Sampling, Start, TraceParent
from telemetry.spans import Span, within
from telemetry.tracing import Tracer
from tests.cluster.peers.two_nodes import KEY, QUICK, FakeOwn, answered, ask, asking, request, serving
from tests.support.eventually import eventually
from tests.support.processes import free_port

pytestmark = pytest.mark.usefixtures("carriers")


def state_of(peers: Peers) -> BreakerState:
    return peers.states[0].breaker


async def test_each_gets_its_own_answer_when_thousands_ask_at_once_both_ways() -> None:
    async def ask_many(peers: Peers, address: str, seed: int) -> None:
        randomness = random.Random(seed)
        for n in range(100):
            asked = request(randomness.choice(("view", "yield")), f"{seed}-{n}")
            assert await ask(peers, address, asked) == answered(asked)

    async with serving(FakeOwn()) as here, serving(FakeOwn()) as there, asking() as ours, asking() as theirs:
        async with asyncio.TaskGroup() as group:
            for seed in range(25):
                group.create_task(ask_many(ours, there.address, seed))
                group.create_task(ask_many(theirs, here.address, seed))
        (state,) = ours.states
        assert (state.asked, state.answered, state.failed, state.in_flight) == (2_500, 2_500, 0, 0)
        assert state.is_connected
        assert state.protocol == 1


async def test_asks_that_come_together_share_frames() -> None:
    async with serving(FakeOwn()) as there, asking() as peers:
        await ask(peers, there.address)
        conversation = peers._peers[there.address][0]._conversation
        assert conversation is not None
        before = conversation._frames_written
        async with asyncio.TaskGroup() as group:
            for n in range(100):
                group.create_task(ask(peers, there.address, request(entity_id=str(n))))
        assert conversation._frames_written - before <= 3


@pytest.mark.parametrize("error", [InvalidRequest("a"), NotFound("b"), SnapshotExpired("c"), RuleFailed("d")])
async def test_an_error_that_speaks_of_the_request_is_raised(error: AuthzError) -> None:
    async with serving(FakeOwn(error=error)) as there, asking() as peers:
        with pytest.raises(type(error), match=str(error)):
            await ask(peers, there.address)
        assert (peers.states[0].answered, state_of(peers)) == (1, BreakerState.CLOSED)


async def test_one_that_speaks_of_the_peer_is_no_answer() -> None:
    async with serving(FakeOwn(error=Unavailable("its database is away"))) as there, asking() as peers:
        with pytest.raises(NoAnswer, match="could not answer: its database is away"):
            await ask(peers, there.address)
        assert peers.states[0].failed == 1


async def test_so_is_one_of_a_single_question() -> None:
    class Own(FakeOwn):
        async def answer(self, request: CheckRequest, *, wants_evidence: bool) -> Answered:
            sent = await super().answer(request, wants_evidence=wants_evidence)
            return replace(sent, answers=(CheckAnswer(Unavailable("its database is away"), 1),))

    async with serving(Own()) as there, asking() as peers:
        with pytest.raises(NoAnswer, match="its database is away"):
            await ask(peers, there.address)


async def test_so_are_answers_to_other_questions() -> None:
    class Own(FakeOwn):
        async def answer(self, request: CheckRequest, *, wants_evidence: bool) -> Answered:
            sent = await super().answer(request, wants_evidence=wants_evidence)
            return replace(sent, answers=(*sent.answers, *sent.answers))

    async with serving(Own()) as there, asking() as peers:
        with pytest.raises(NoAnswer, match="2 answers to 1 questions"):
            await ask(peers, there.address)


async def test_a_peer_that_cannot_answer_again_and_again_is_left_alone() -> None:
    own = FakeOwn(error=Unavailable("its database is away"))
    async with serving(own) as there, asking() as peers:
        for _ in range(QUICK.breaker.strikes):
            with pytest.raises(NoAnswer, match="could not answer"):
                await ask(peers, there.address)
        with pytest.raises(NoAnswer, match=r"is not asked now: .* could not answer several times"):
            await ask(peers, there.address)
        own.error = None
        await eventually(lambda: is_answered(peers, there.address))


async def test_a_peer_that_says_it_is_busy_is_asked_again() -> None:
    own = FakeOwn(error=LimitExceeded("too many"))
    async with serving(own) as there, asking() as peers:
        for _ in range(3 * QUICK.breaker.strikes):
            with pytest.raises(NoAnswer, match="could not answer: too many"):
                await ask(peers, there.address)
        assert state_of(peers) is BreakerState.CLOSED


async def is_answered(peers: Peers, address: str) -> bool:
    try:
        await ask(peers, address)
    except NoAnswer:
        return False
    return True


async def test_cancelling_stops_the_work_at_the_peer_at_whatever_moment() -> None:
    """A task is cancelled after every number of turns it may take, from before it asks to after it was answered."""
    own = FakeOwn()
    async with serving(own) as there, asking() as peers:
        await ask(peers, there.address)
        for count in range(60):
            task = asyncio.ensure_future(ask(peers, there.address, request("wait")))
            for _ in range(count):
                await asyncio.sleep(0 if count < 40 else 0.0005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert peers.states[0].in_flight == 0
        await ask(peers, there.address)

        async def nothing_runs() -> bool:
            return own.began == own.ended

        await eventually(nothing_runs)
        assert own.cancelled > 0
        assert state_of(peers) is BreakerState.CLOSED


async def test_the_first_to_ask_may_be_cancelled_while_the_stream_is_being_opened() -> None:
    async with serving(FakeOwn()) as there, asking() as peers:
        for _ in range(3):
            task = asyncio.ensure_future(ask(peers, there.address))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await ask(peers, there.address) == answered(request())


async def test_a_caller_waits_no_longer_than_it_said_and_the_peer_works_no_longer() -> None:
    own = FakeOwn()
    async with serving(own) as there, asking() as peers:
        await ask(peers, there.address)
        with pytest.raises(NoAnswer, match=r"no answer within 0.05 s"):
            await ask(peers, there.address, request("wait"), timeout_s=0.05)
        await eventually(own.is_cancelled)


async def test_a_hard_question_among_answered_ones_does_not_make_the_peer_a_dead_one() -> None:
    async with serving(FakeOwn()) as there, asking() as peers:
        await ask(peers, there.address)
        async with asyncio.TaskGroup() as group:
            hard = group.create_task(is_late(peers, there.address))
            while not hard.done():
                await ask(peers, there.address)
        assert state_of(peers) is BreakerState.CLOSED


async def is_late(peers: Peers, address: str) -> None:
    with pytest.raises(NoAnswer):
        await ask(peers, address, request("wait"), timeout_s=0.2)


async def test_a_slow_peer_is_left_alone_and_whoever_waits_is_let_go() -> None:
    async with serving(FakeOwn()) as there, asking() as peers:
        await ask(peers, there.address)
        patient = asyncio.ensure_future(ask(peers, there.address, request("wait")))
        await is_late(peers, there.address)
        with pytest.raises(NoAnswer, match=r"no answer within 0.2 s"):
            await patient
        with pytest.raises(NoAnswer, match="is not asked now"):
            await ask(peers, there.address)
        await eventually(lambda: is_answered(peers, there.address))
        assert state_of(peers) is BreakerState.CLOSED


async def test_many_who_run_late_at_one_moment_count_once() -> None:
    async with serving(FakeOwn()) as there, asking() as peers:
        await ask(peers, there.address)
        async with asyncio.TaskGroup() as group:
            for _ in range(50):
                group.create_task(is_late(peers, there.address))
        assert peers._peers[there.address][0]._breaker.pause_s == QUICK.breaker.first_pause_s


async def test_a_doubted_peer_that_leaves_while_one_ask_tries_it_is_asked_again_when_it_is_back() -> None:
    own = FakeOwn()
    async with asking() as peers:
        async with serving(own) as there:
            await ask(peers, there.address)
            await is_late(peers, there.address)

            async def is_tried() -> bool:
                return state_of(peers) is BreakerState.HALF_OPEN

            await eventually(is_tried)
            trying = asyncio.ensure_future(ask(peers, there.address, request("wait")))
            await asyncio.sleep(0.05)
        with pytest.raises(NoAnswer):
            await trying
        async with serving(FakeOwn(), port=there.host.port):
            await eventually(lambda: is_answered(peers, there.address))


async def test_nobody_listens() -> None:
    doubted: list[str] = []
    address = f"127.0.0.1:{free_port()}"
    async with asking(doubts=doubted.append) as peers:
        with capture_logs() as logs:
            with pytest.raises(NoAnswer, match=f"{address} cannot be asked"):
                await ask(peers, address)
            with pytest.raises(NoAnswer, match="is not asked now"):
                await ask(peers, address)
            with pytest.raises(NoAnswer, match=f"{address} cannot be asked"):
                await peers.card_of(address)
            await asyncio.sleep(0.2)
        assert [entry["event"] for entry in logs] == ["a peer cannot be asked"]
        assert doubted == [address]
        assert not peers.states[0].is_connected
        assert "cannot be asked" in peers.states[0].trouble


async def test_a_peer_that_has_left_and_comes_back_is_asked_again() -> None:
    async with asking() as peers:
        async with serving(FakeOwn()) as there:
            await ask(peers, there.address)
        with pytest.raises(NoAnswer):
            await ask(peers, there.address)
        async with serving(FakeOwn(), port=there.host.port):
            await eventually(lambda: is_answered(peers, there.address))


async def test_only_those_who_are_left_keep_their_streams() -> None:
    async with serving(FakeOwn()) as one, serving(FakeOwn()) as other, asking() as peers:
        await ask(peers, one.address)
        await ask(peers, other.address)
        waiting = asyncio.ensure_future(ask(peers, one.address, request("wait")))
        await asyncio.sleep(0.01)
        peers.keep_only({other.address})
        with pytest.raises(NoAnswer, match="is asked no longer"):
            await waiting
        assert [state.address for state in peers.states] == [other.address]
        await ask(peers, other.address)


async def test_the_end_lets_go_of_all_who_wait() -> None:
    async with serving(FakeOwn()) as there:
        async with asking() as peers:
            await ask(peers, there.address)
            waiting = asyncio.ensure_future(ask(peers, there.address, request("wait")))
            await asyncio.sleep(0.01)
        with pytest.raises(NoAnswer, match="is asked no longer"):
            await waiting
        with pytest.raises(NoAnswer, match="is stopping"):
            await ask(peers, there.address)


async def test_an_error_of_whoever_uses_the_peers_comes_out_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        async with asking():
            raise ZeroDivisionError


async def test_what_logs_call_the_request_travels_and_does_not_stick_to_the_stream() -> None:
    seen: list[Served | None] = []
    own = FakeOwn(noticed=lambda _: seen.append(current_call()))
    spans: list[Span] = []

    class Named:
        def header(self, name: str) -> str | None:
            return "r1" if name == "x-request-id" else None

    async def ask_for_a_traced_call(peers: Peers, address: str) -> None:
        set_call(Served(Named(), RequestIds()))
        tracer = Tracer(Sampling(Sampler.ALWAYS, 1.0, lambda: 0.0), {}, "1", lambda _: None)
        parent = TraceParent(0xAB, 0xCD, is_sampled=True)
        with within(tracer.begin("call", Start(parent), tracestate="vendor=a")) as span:
            assert span
            spans.append(span)
            await ask(peers, address)

    async with serving(own) as there, asking() as peers:
        async with asyncio.TaskGroup() as group:
            group.create_task(ask_for_a_traced_call(peers, there.address))
        await ask(peers, there.address)
    named = [(call.request_id, call.traceparent, call.tracestate) for call in seen if call]
    assert named == [("r1", spans[0].traceparent, "vendor=a"), ("", "", "")]


@pytest.mark.parametrize("state", CardState)
async def test_a_card_tells_who_is_there(state: CardState) -> None:
    async with serving(FakeOwn(), state=state) as there, asking() as peers:
        card = await peers.card_of(there.address)
        assert card == Card(KEY.digest, Protocols(1, 1), Member("answering:1", "north", 3, "1.2"), state)


@pytest.mark.parametrize(
    ("key", "protocols", "reason"),
    [
        (ClusterKey("another", "test"), Protocols(1, 1), "asking:1 and answering:1 have different cluster keys"),
        (ClusterKey("a secret of the cluster", "x"), Protocols(1, 1), "asking:1 is of cluster .*, answering:1 of "),
        (KEY, Protocols(2, 2), "asking:1 speaks peer protocol 2, answering:1 speaks 1"),
    ],
)
async def test_a_node_that_is_none_of_ours_is_refused_with_a_reason_at_both_ends(
    key: ClusterKey, protocols: Protocols, reason: str
) -> None:
    own = FakeOwn()
    async with serving(own) as there, asking(key=key, protocols=protocols) as peers:
        with capture_logs() as logs:
            with pytest.raises(PeerRefused, match=f"{there.address} refuses us: {reason}"):
                await peers.card_of(there.address)
            with pytest.raises(NoAnswer, match=f"{there.address} refuses us: {reason}"):
                await ask(peers, there.address)
            await asyncio.sleep(3 * QUICK.breaker.most_pause_s)
            with pytest.raises(NoAnswer, match="is not asked now"):
                await ask(peers, there.address)
        assert [entry["event"] for entry in logs] == ["a peer was refused", "a peer cannot be asked"]
        assert "a secret" not in repr(logs)
        assert peers._peers[there.address][0]._breaker._attempts == 1
        assert own.began == 0


async def test_an_answering_node_must_know_the_key_too() -> None:
    async with serving(FakeOwn(), key=ClusterKey("another", "test")) as there, asking() as peers:
        with pytest.raises(PeerRefused):
            await peers.card_of(there.address)


async def test_a_node_of_the_next_release_is_spoken_to_in_what_both_know() -> None:
    async with serving(FakeOwn(), protocols=Protocols(1, 2)) as there, asking() as peers:
        assert await ask(peers, there.address) == answered(request())
        assert peers.states[0].protocol == 1
        assert (await peers.card_of(there.address)).protocols == Protocols(1, 2)


async def test_farewells_reach_both_ends_and_asks_go_on() -> None:
    heard: list[str] = []
    async with serving(FakeOwn()) as there, asking(hears_farewell=heard.append) as peers:
        await ask(peers, there.address)
        there.service.say_farewell()
        peers.say_farewell()

        async def both_heard() -> bool:
            return heard == [there.address] and there.farewells == ["asking:1"]

        await eventually(both_heard)
        await ask(peers, there.address)


async def test_a_node_that_leaves_turns_away_whoever_comes_then() -> None:
    heard: list[str] = []
    own = FakeOwn()
    async with serving(own) as there, asking(hears_farewell=heard.append) as peers:
        there.service.leave()
        with pytest.raises(NoAnswer):
            await ask(peers, there.address)
        assert heard == [there.address]
        assert own.began == 0


async def test_what_the_stream_does_is_done_for_no_request() -> None:
    heard: list[Served | None] = []

    async def ask_for_a_call(peers: Peers, address: str) -> None:
        set_call(Served.elsewhere("r1", "", ""))
        await ask(peers, address)

    async with serving(FakeOwn()) as there, asking(hears_farewell=lambda _: heard.append(current_call())) as peers:
        async with asyncio.TaskGroup() as group:
            group.create_task(ask_for_a_call(peers, there.address))
        there.service.say_farewell()

        async def is_heard() -> bool:
            return bool(heard)

        await eventually(is_heard)
        assert heard == [None]


async def test_a_node_that_stops_answers_what_was_asked_and_is_not_sought() -> None:
    own = FakeOwn()
    async with serving(own) as there, asking() as peers:
        await ask(peers, there.address)
        running = asyncio.ensure_future(ask(peers, there.address, request("wait")))
        await asyncio.sleep(0.05)
        stopping = asyncio.ensure_future(there.host.stop(5.0))
        await asyncio.sleep(0.05)
        with pytest.raises(NoAnswer):
            await ask(peers, there.address)
        own.may_answer.set()
        assert await running == answered(request("wait"))
        async with asyncio.timeout(1.0):
            await stopping

        async def is_idle() -> bool:
            return not peers.states[0].is_connected

        await eventually(is_idle)
        assert state_of(peers) is BreakerState.CLOSED
        assert not peers._peers[there.address][0]._is_wanted.is_set()


async def test_an_idle_peer_that_is_connected_lets_the_other_stop_at_once() -> None:
    async with serving(FakeOwn()) as there, asking() as peers:
        await ask(peers, there.address)
        async with asyncio.timeout(1.0):
            await there.host.stop(10.0)


async def test_huge_asks_travel_up_to_a_bound_and_break_nothing_beyond() -> None:
    settings = replace(QUICK, most_message_bytes=1024 * 1024)
    async with serving(FakeOwn(), settings=settings) as there, asking(settings=settings) as peers:
        large = request(entity_id="x" * 1_000_000)
        assert await ask(peers, there.address, large) == answered(large)
        with pytest.raises(NoAnswer, match="too large to travel"):
            await ask(peers, there.address, request(entity_id="x" * 1_100_000))
        async with asyncio.TaskGroup() as group:
            for n in range(20):
                group.create_task(ask(peers, there.address, request(entity_id=f"{n}" * 500_000)))
        assert state_of(peers) is BreakerState.CLOSED


async def test_a_frame_beyond_the_bound_of_the_other_end_is_no_answer() -> None:
    narrow = replace(QUICK, most_message_bytes=1, most_frame_bytes=1)
    async with serving(FakeOwn(), settings=narrow) as there, asking() as peers:
        with pytest.raises(NoAnswer, match="RESOURCE_EXHAUSTED"):
            await ask(peers, there.address, request(entity_id="x" * 100_000))


async def test_whoever_comes_with_ever_new_names_does_not_fill_the_log() -> None:
    stranger = ClusterKey("another", "test")
    async with serving(FakeOwn()) as there:
        with capture_logs() as logs:
            for n in range(100):
                with pytest.raises(PeerRefused):
                    await Dialler(Greeter(f"stranger:{n}", stranger, PROTOCOLS), QUICK).card_of(there.address)
    assert 1 <= len(logs) <= 64


async def test_asking_for_a_card_may_be_cancelled_at_any_moment() -> None:
    async with serving(FakeOwn()) as there, asking() as peers:
        for count in range(0, 120, 3):
            task = asyncio.ensure_future(peers.card_of(there.address))
            for _ in range(count):
                await asyncio.sleep(0)
            if task.cancel():  # else it has its card already
                with pytest.raises(asyncio.CancelledError):
                    await task
        assert (await peers.card_of(there.address)).member.address == "answering:1"


async def test_how_long_a_peer_was_waited_for_is_counted_and_forgotten_with_it() -> None:
    own = FakeOwn()
    async with serving(own) as there, asking() as peers:
        for n in range(3):
            await ask(peers, there.address, request(entity_id=str(n)))
        durations_s = peers.durations_s[there.address]
        assert (durations_s.count, durations_s.sum > 0) == (3, True)
        peers.keep_only(())
        assert peers.durations_s == {}


async def test_what_its_caller_gives_up_is_counted_as_that() -> None:
    own = FakeOwn()
    async with serving(own) as there, asking() as peers:
        asked = asyncio.create_task(ask(peers, there.address, request("wait")))

        async def is_asked() -> bool:
            return bool(peers.states) and peers.states[0].in_flight == 1

        await eventually(is_asked)
        asked.cancel()
        await asyncio.wait([asked])
        (state,) = peers.states
        assert (state.asked, state.answered, state.failed, state.given_up) == (1, 0, 0, 1)
