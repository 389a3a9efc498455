"""The one function that does the work: a shard of input in, its files of output out."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from pathlib import Path

import orjson

from pipeline.apps.batch import storage
from pipeline.apps.batch.predictions import Unit, Window, first_of_each_id, predict
from pipeline.apps.batch.shards import Shard
from pipeline.apps.batch.tables import (
    TEXT_SCHEMA,
    Format,
    Schema,
    Table,
    article_columns,
    article_schema,
    sentence_columns,
    sentence_schema,
    text_columns,
)
from pipeline.classifier.checkpoint import Precision
from pipeline.classifier.predict import Classifier, Device
from pipeline.corpus.readers import LooseSentence, Placed, Reject, read_part
from pipeline.corpus.records import Article


def done_mark(shard: Shard) -> str:
    return f"done/{shard.name}.json"


@dataclass(frozen=True)
class Job:
    """What all shards of a run have in common.

    Attributes:
        checkpoint: its folder.
        device, precision: of the computation; a GPU has a precision of its own.
        unit, form: what the input holds, and the format of the tables.
        until: the day of the run; no page is taken to be of a later one.
        out: folder of the output, or the URL of a prefix.
    """

    checkpoint: str
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

    def add(self, item: Window | Reject) -> None:
        if isinstance(item, Reject):
            self.rejects += 1
            return
        self.records += len(item.placed)
        self.sentences += len(item.texts)
        self.truncated += int(item.truncated.sum())
        self.labels.update(chain.from_iterable(item.labels))


def open_classifier(job: Job) -> Classifier:
    """Return the classifier of a job. One thread: processes of one thread each do more, and its sums never change their order."""
    return Classifier(Path(job.checkpoint), precision=job.precision, threads=1, device=job.device)


def read_shard(shard: Shard, unit: Unit, until: date) -> Iterator[Placed | Reject]:
    """Yield the records of a shard; within each part of it an id is used once."""
    for part in shard.parts:
        yield from first_of_each_id(read_part(part, Article if unit == "article" else LooseSentence, until))


def run_shard(shard: Shard, job: Job, classifier: Classifier) -> Counts:
    """Classify a shard and publish its tables, then the mark that it is done.

    The same shard gives the same bytes, whoever runs it and how often, so that a run may be given up at any moment.
    """
    names, version = classifier.manifest.names, classifier.manifest.version
    counts = Counts()
    with ExitStack() as stack:
        folder = stack.enter_context(storage.scratch(job.out))
        made: dict[str, Path] = {}

        def new(table: str, form: str) -> Path:
            path = made[f"{table}/part-{shard.name}.{form}"] = folder / table
            return path

        def table(name: str, schema: Schema) -> Table:
            return Table(new(name, job.form), schema, job.form)

        sentences = table("sentences", sentence_schema(names, job.unit))
        articles, texts = table("articles", article_schema(names)), table("texts", TEXT_SCHEMA)
        rejects = stack.enter_context(new("rejects", "jsonl").open("wb"))
        for item in predict(read_shard(shard, job.unit, job.until), classifier):
            counts.add(item)
            if isinstance(item, Reject):
                rejects.write(orjson.dumps(item.printable()) + b"\n")
                continue
            sentences.add(sentence_columns(item, names, job.unit, version))
            if job.unit == "article":
                articles.add(article_columns(item, names))
                texts.add(text_columns(item))
        for one in (sentences, articles, texts):
            one.close()
        rejects.close()
        files = {}
        for name, path in made.items():
            if path.is_file() and path.stat().st_size:
                files[name] = path.stat().st_size
                storage.publish(path, storage.join(job.out, name))
    storage.write_bytes(job.out, done_mark(shard), orjson.dumps({"counts": vars(counts), "files": files}))
    return counts
