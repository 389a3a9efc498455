"""Inputs of benchmarks/batch.py: as many articles as wanted, varied from the corpus, and a checkpoint of another shape."""

import json
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

_WORD = re.compile(r"[^\W\d_]+|\d+")


def varied_articles(corpus: Path, count: int, seed: int = 0) -> Iterator[dict[str, str]]:
    """Yield ``count`` articles of natural lengths: those of the corpus, over and over, with words and numbers exchanged.

    Every tenth word is replaced by another of the corpus that is written like it (all lower case, or not), and every digit by
    another, so that few sentences occur twice.
    """
    articles = [json.loads(line) for file in sorted(corpus.glob("*.jsonl")) for line in file.read_text().splitlines()]
    words = sorted({word for article in articles for word in _WORD.findall(article["text"])})
    lower = [word for word in words if word.islower()]
    upper = [word for word in words if word.istitle()]
    generator = random.Random(seed)

    def other(match: re.Match[str]) -> str:
        word = match.group()
        if word.isdigit():
            return "".join(generator.choice("123456789") for _ in word)
        if generator.random() > 0.1 or not (word.islower() or word.istitle()):
            return word
        return generator.choice(lower if word.islower() else upper)

    for number in range(count):
        article = articles[number % len(articles)]
        yield {
            "id": f"{article['id']}-{number}",
            "title": _WORD.sub(other, article["title"]),
            "text": _WORD.sub(other, article["text"]),
            "published": article.get("published"),
        }


def write_articles(corpus: Path, count: int, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(article, ensure_ascii=False) + "\n" for article in varied_articles(corpus, count))


def write_base_checkpoint(like: Path, out: Path, width: int = 768, depth: int = 12) -> None:
    """Write a checkpoint of the shape of IndoBERT-base with random weights, and all else from the checkpoint ``like``."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    from pipeline.classifier.checkpoint import GRAPHS, MANIFEST, TOKENIZER, version_of
    from pipeline.files import sha256, write_json
    from pipeline.training.export import write_graph
    from pipeline.training.quantise import quantise

    out.mkdir(parents=True)
    manifest = json.loads((like / MANIFEST).read_text())
    tokenizer = AutoTokenizer.from_pretrained(like)
    names = [label["name"] for label in manifest["labels"]]
    torch.manual_seed(0)
    shape = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        num_hidden_layers=depth,
        num_attention_heads=width // 64,
        intermediate_size=4 * width,
        max_position_embeddings=512,
        num_labels=len(names),
        id2label=dict(enumerate(names)),
        problem_type="multi_label_classification",
    )
    model = BertForSequenceClassification(shape).eval()
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    shutil.copy(like / TOKENIZER, out / TOKENIZER)
    write_graph(model, out / GRAPHS["fp32"])
    quantise(out / GRAPHS["fp32"], out / GRAPHS["int8"], attention=True)
    manifest |= {"precision": "int8", "precision_reason": "timing only: random weights"}
    manifest["files"] = {file.name: sha256(file) for file in sorted(out.iterdir())}
    manifest["version"] = version_of(manifest)
    write_json(out / MANIFEST, manifest)
