"""Train the uncased WordPiece tokenizer of a new encoder."""

from collections.abc import Iterable

from tokenizers import BertWordPieceTokenizer
from transformers import BertTokenizer

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def train_wordpiece(texts: Iterable[str], vocab_size: int, max_length: int) -> BertTokenizer:
    """Learn ``vocab_size`` word pieces from ``texts`` and return the tokenizer that BERT's own class reads.

    Accents are stripped and text is lower-cased, as IndoBERT does. Beside the 200 most frequent characters, pieces are seen
    at least ten times; other characters become ``[UNK]``.
    """
    trainer = BertWordPieceTokenizer(lowercase=True, strip_accents=True, handle_chinese_chars=True)
    trainer.train_from_iterator(
        iter(texts),
        vocab_size=vocab_size,
        min_frequency=10,
        limit_alphabet=200,
        special_tokens=[*SPECIAL_TOKENS],
        show_progress=False,
    )
    return BertTokenizer(
        vocab=trainer.get_vocab(),
        do_lower_case=True,
        strip_accents=True,
        model_max_length=max_length,
    )
