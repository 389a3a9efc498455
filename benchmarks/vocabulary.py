"""How many word pieces: what a larger vocabulary costs, and what it saves.

    python benchmarks/vocabulary.py TEXT... [--size 8000 --size 16000 --size 32000] [--minutes 10]

For each size: pieces per word (marks count as words) and the share of words that are one piece, on held-out text; the embeddings'
size in half precision; and, from short runs of ``netral pretrain`` of equal time, the held-out loss per hidden WORD, which can be
compared across vocabularies (that per piece cannot: words of many pieces have easy ones).
"""

import json
from itertools import islice
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from encoder import pretrained
from transformers import BertTokenizer

from pipeline.config import load_config
from pipeline.errors import user_errors
from pipeline.files import write_json
from pipeline.training.pretrain.budget import Budget
from pipeline.training.pretrain.config import PretrainConfig
from pipeline.training.pretrain.text import TextSource, paragraphs
from pipeline.training.pretrain.tokens import HELD_OUT_EVERY


def words_and_pieces(tokenizer: BertTokenizer, texts: list[str]) -> tuple[float, float]:
    """Return pieces per word, and the share of words that are one piece."""
    words = pieces = whole = 0
    for text in texts:
        numbers = tokenizer(text, add_special_tokens=False).word_ids()
        counts = pd.Series(numbers).value_counts()
        words += len(counts)
        pieces += len(numbers)
        whole += int((counts == 1).sum())
    return pieces / words, whole / words


def main(
    text: list[str],
    size: Annotated[list[int], typer.Option()] = [8_000, 16_000, 32_000],  # noqa: B006
    minutes: float = 10.0,
    config: Path = Path("configs/pretrain.yaml"),
    out: Path = Path("reports/benchmarks/vocabulary"),
) -> None:
    with user_errors():
        settings = load_config(config, PretrainConfig)
        sources = [TextSource.parse(name) for name in text]
        every = (paragraph for source in sources for paragraph in paragraphs(source))
        held_out = list(islice(every, 0, None, HELD_OUT_EVERY))
        rows = []
        for pieces in size:
            folder = out / str(pieces)
            changed = PretrainConfig(**settings.model_dump() | {"vocab_size": pieces})
            curve = pretrained(sources, folder, changed, Budget(minutes))
            per_word, whole = words_and_pieces(BertTokenizer.from_pretrained(folder), held_out)
            row = {
                "pieces": pieces,
                "pieces_per_word": per_word,
                "whole_words": whole,
                "embedding_mb": 2 * pieces * settings.hidden_size / 1e6,
                "million_tokens": curve["tokens"] / 1e6,
                "held_out_word_loss": curve["held_out_word_loss"],
            }
            rows.append(row)
            print(json.dumps(row), flush=True)
    print(
        "\n| pieces | per word | whole words | embeddings, MB | million tokens read | held-out loss per word, nats |\n|"
        + "---|" * 6
    )
    for row in rows:
        print(
            f"| {row['pieces']:,} | {row['pieces_per_word']:.3f} | {row['whole_words']:.1%} | {row['embedding_mb']:.1f} | "
            f"{row['million_tokens']:.2f} | {row['held_out_word_loss']:.3f} |"
        )
    write_json(out.with_suffix(".json"), rows)


if __name__ == "__main__":
    typer.run(main)
