"""What waits for a worker, and what is worked on together."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

# Indonesian news has about five characters per word piece; text of another kind has fewer, down to one.
CHARACTERS_PER_TOKEN = 5
# Sentences whose estimated lengths fall into one class are alike enough to be padded to each other.
LENGTH_CLASS = 8


def estimate_tokens(characters: int, max_length: int) -> int:
    """Estimate the word pieces of a sentence, its two marks included, without reading it."""
    return min(2 + -(-characters // CHARACTERS_PER_TOKEN), max_length)


@dataclass(eq=False)
class Call:
    """Sentences of one request.

    Attributes:
        texts: in order.
        results: ``[scores, labels, truncated]`` by place; None where there is none yet.
        tried: a worker has ended while it worked on some of them.
        done: resolves to ``results``; once it is done, for whatever reason, what still waits is forgotten.
    """

    texts: Sequence[str]
    done: "asyncio.Future[list[Any]]"
    results: list[Any] = field(init=False)
    left: int = field(init=False)
    tried: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.left = len(self.texts)
        self.results = [None] * self.left

    def set(self, place: int, result: list[Any]) -> None:
        self.results[place] = result
        self.left -= 1
        if not self.left and not self.done.done():
            self.done.set_result(self.results)


@dataclass(frozen=True, slots=True)
class Item:
    """One sentence that waits. ``number`` grows with the time of arrival."""

    number: int
    call: Call
    place: int
    tokens: int

    @property
    def text(self) -> str:
        return self.call.texts[self.place]


class SentenceQueue:
    """Sentences by length class, oldest first within each."""

    def __init__(self, max_length: int) -> None:
        self._max_length = max_length
        self._numbers = count()
        self._classes: list[deque[Item]] = [deque() for _ in range(max_length // LENGTH_CLASS + 1)]
        self._alone: deque[list[Item]] = deque()

    def add(self, call: Call) -> None:
        for place, text in enumerate(call.texts):
            tokens = estimate_tokens(len(text), self._max_length)
            self._classes[tokens // LENGTH_CLASS].append(Item(next(self._numbers), call, place, tokens))

    def add_alone(self, items: list[Item]) -> None:
        """Let ``items``, all of one call, go next and with nobody else's: one of them may have ended a worker."""
        self._alone.append(items)

    def take(self, budget: int, workers: int) -> list[Item]:
        """Return what one worker gets next: the oldest sentence, and others of about its length; empty if nothing waits.

        Padded to the longest they have at most ``budget`` positions, or are one sentence. Where more workers than this
        one are free, it leaves them their share.
        """
        while self._alone:
            items = [item for item in self._alone.popleft() if not item.call.done.done()]
            if items:
                return items
        for waiting in self._classes:
            while waiting and waiting[0].call.done.done():
                waiting.popleft()
        heads = [(waiting[0].number, length) for length, waiting in enumerate(self._classes) if waiting]
        if not heads:
            return []
        if workers > 1:
            due = sum(item.tokens for waiting in self._classes for item in waiting)
            budget = min(budget, -(-due // workers))
        _, oldest = min(heads)
        taken: list[Item] = []
        longest = 0
        for length in (oldest, oldest - 1, oldest + 1):
            waiting = self._classes[length] if 0 <= length < len(self._classes) else deque()
            while waiting:
                longest = max(longest, waiting[0].tokens)
                if taken and (len(taken) + 1) * longest > budget:
                    return taken
                item = waiting.popleft()
                if not item.call.done.done():
                    taken.append(item)
        return taken
