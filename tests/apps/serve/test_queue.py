"""The queue: nothing lost, nothing twice, little padding, the oldest first."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.apps.serve.queue import LENGTH_CLASS, Call, SentenceQueue, estimate_tokens

MAX_LENGTH = 64


def call(*texts: str) -> Call:
    return Call(texts, asyncio.new_event_loop().create_future())


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.integers(1, 400), min_size=1, max_size=8), max_size=12), st.integers(1, 300), st.integers(1, 3)
)
def test_every_sentence_is_taken_once_within_the_budget_and_with_its_like(calls, budget, workers):
    queue = SentenceQueue(MAX_LENGTH)
    waiting = [call(*("x" * length for length in lengths)) for lengths in calls]
    for each in waiting:
        queue.add(each)
    left = {(id(each), place) for each in waiting for place in range(len(each.texts))}
    order = [(id(each), place) for each in waiting for place in range(len(each.texts))]
    while taken := queue.take(budget, workers):
        places = [(id(item.call), item.place) for item in taken]
        assert next(place for place in order if place in left) in places, "the oldest goes first"
        left -= set(places)
        lengths = [item.tokens for item in taken]
        assert len(taken) == 1 or len(taken) * max(lengths) <= budget
        assert max(lengths) - min(lengths) < 3 * LENGTH_CLASS
    assert not left


def test_what_nobody_waits_for_any_more_is_forgotten():
    queue = SentenceQueue(MAX_LENGTH)
    gone, here = call("satu", "dua"), call("tiga")
    queue.add(gone)
    queue.add(here)
    gone.done.cancel()
    assert [item.text for item in queue.take(1000, 1)] == ["tiga"]
    assert not queue.take(1000, 1)


def test_what_may_have_ended_a_worker_goes_next_and_alone():
    queue = SentenceQueue(MAX_LENGTH)
    first, second = call("satu"), call("dua")
    queue.add(first)
    items = queue.take(1000, 1)
    queue.add(second)
    queue.add_alone(items)
    assert [item.text for item in queue.take(1000, 1)] == ["satu"]
    assert [item.text for item in queue.take(1000, 1)] == ["dua"]


def test_free_workers_share_what_waits():
    queue = SentenceQueue(MAX_LENGTH)
    queue.add(call(*["x" * 50] * 4))
    assert len(queue.take(1000, 2)) == 2
    assert len(queue.take(1000, 1)) == 2


def test_an_answer_is_complete_when_every_sentence_has_its_result():
    pair = call("satu", "dua")
    pair.set(1, ["b"])
    assert not pair.done.done()
    pair.set(0, ["a"])
    assert pair.done.result() == [["a"], ["b"]]


def test_estimates_stop_at_what_the_model_reads():
    assert estimate_tokens(0, MAX_LENGTH) == 2
    assert estimate_tokens(49, MAX_LENGTH) == 12
    assert estimate_tokens(10_000, MAX_LENGTH) == MAX_LENGTH
