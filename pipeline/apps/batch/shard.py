"""The one function that does the work: a shard of input in, its files of output out."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import orjson

from pipeline.apps.batch import storage
from pipeline.apps.batch.job import Counts, Job, Unit
from pipeline.apps.batch.predictions import first_of_each_id, predict
from pipeline.apps.batch.shards import Shard
from pipeline.apps.batch.tables import (
    TEXT_SCHEMA,
    Schema,
    Table,
    article_columns,
    article_schema,
    sentence_columns,
    sentence_schema,
    text_columns,
)
from pipeline.classifier.checkpoint import GRAPHS, TOKENIZER, Manifest, open_checkpoint
from pipeline.classifier.predict import Classifier
from pipeline.corpus.readers import LooseSentence, Placed, Reject, read_part
from pipeline.corpus.records import Article
from pipeline.errors import InputError


def open_classifier(job: Job, manifest: Manifest | None = None) -> Classifier:
    """Return the classifier of a job. One thread: processes of one thread each do more, and its sums never change their order.

    Args:
        manifest: of the checkpoint, if this process has verified it. What began the run has, so that what is used here is enough.

    Raises:
        InputError: the checkpoint is damaged, or has been replaced since the run began.
    """
    folder = Path(job.checkpoint)
    used = (GRAPHS[job.precision], TOKENIZER) if job.device == "cpu" else None
    manifest = manifest or open_checkpoint(folder, used)
    classifier = Classifier(folder, job.precision, threads=1, device=job.device, manifest=manifest)
    if classifier.manifest.version != job.version:
        raise InputError(
            f"{job.checkpoint}: was replaced by another checkpoint in mid-run; put it back, and the same command goes on"
        )
    return classifier


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
    storage.write_bytes(job.out, shard.done_mark, orjson.dumps({"counts": vars(counts), "files": files}))
    return counts
