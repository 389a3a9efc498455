import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from pipeline.apps.batch.predictions import Window
from pipeline.apps.show import show
from pipeline.classifier.checkpoint import open_checkpoint
from pipeline.corpus.readers import Placed, Reject
from pipeline.corpus.records import Article


@pytest.fixture(scope="module")
def manifest(checkpoint: Path):
    return open_checkpoint(checkpoint)


def shown(items, manifest) -> str:
    console = Console(file=io.StringIO(), width=100)
    show(items, manifest, console)
    return console.file.getvalue()


def window(records: list[Article], texts: list[list[str]], labels: list[list[str]], scores) -> Window:
    flat = [text for some in texts for text in some]
    return Window(
        [Placed("a:1", record) for record in records],
        [len(some) for some in texts],
        flat,
        [],
        np.array(scores, dtype=np.float32),
        labels,
        np.zeros(len(flat), dtype=bool),
    )


def test_sentences_stand_below_their_article_with_their_labels_and_scores(manifest):
    first, *_ = names = manifest.names
    both = [Article(id="a", text="x"), Article(id="b", text="x")]
    scores = [[0.1] * len(names), [0.987] + [0.1] * (len(names) - 1), [0.1] * len(names)]
    lines = shown([window(both, [["Satu."], ["Dua.", "Tiga."]], [[], [first], []], scores)], manifest).splitlines()
    assert [line.strip() for line in lines if line.strip()] == ["a", "Satu.", "b", f"{first} 0.99  Dua.", "Tiga."]


@pytest.mark.parametrize("text", ["Apel. [zul]", "[bold]Apel[/bold]", "[/]", "\\[x]", ":smile:"])
def test_markup_in_an_article_is_text(manifest, text):
    article = Article(id=f"[red]{text}", text=text)
    printed = shown([window([article], [[text]], [[]], [[0.0] * len(manifest.names)])], manifest)
    assert text in printed
    assert f"[red]{text}" in printed


def test_reject_is_told_with_its_place_whatever_bytes_are_in_it(manifest):
    place = b"a\xff.jsonl".decode("utf-8", "surrogateescape")
    printed = shown([Reject(f"{place}:3", "found [list]", "an object")], manifest)
    assert printed == "rejected a\\udcff.jsonl:3: found [list]; expected an object\n"
