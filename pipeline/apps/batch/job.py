"""What all shards of a run have in common, and what is counted of them."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from typing import TYPE_CHECKING, Literal

from pipeline.classifier.checkpoint import Device, Precision
from pipeline.corpus.readers import Reject

if TYPE_CHECKING:  # the process that hands out shards needs no numpy and no runtime
    from pipeline.apps.batch.predictions import Window

Unit = Literal["article", "sentence"]
Format = Literal["parquet", "jsonl", "csv"]
# Processes that share a GPU: while one computes there, the others read, segment and tokenise, each on a core of its own.
GPU_PROCESSES = 8
FORMATS: tuple[Format, ...] = ("parquet", "jsonl", "csv")


@dataclass(frozen=True)
class Job:
    """What all shards of a run have in common.

    Attributes:
        checkpoint: its folder.
        version: of the checkpoint.
        device, precision: of the computation; a GPU has a precision of its own.
        unit, form: what the input holds, and the format of the tables.
        until: the day of the run; no page is taken to be of a later one.
        out: folder of the output, or the URL of a prefix.
    """

    checkpoint: str
    version: str
    device: Device
    precision: Precision
    unit: Unit
    form: Format
    until: date
    out: str


@dataclass
class Counts:
    """What a run, or a shard of it, has seen."""

    records: int = 0
    sentences: int = 0
    rejects: int = 0
    truncated: int = 0
    labels: Counter[str] = field(default_factory=Counter)

    def __iadd__(self, other: "Counts") -> "Counts":
        self.records += other.records
        self.sentences += other.sentences
        self.rejects += other.rejects
        self.truncated += other.truncated
        self.labels += other.labels
        return self

    def add(self, item: "Window | Reject") -> None:
        if isinstance(item, Reject):
            self.rejects += 1
            return
        self.records += len(item.placed)
        self.sentences += len(item.texts)
        self.truncated += int(item.truncated.sum())
        self.labels.update(chain.from_iterable(item.labels))
