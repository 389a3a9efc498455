"""Inputs of benchmarks/batch.py: as many articles as wanted, varied from the corpus."""

import json
import random
import re
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
