"""Train the uncased WordPiece tokenizer of a new encoder."""

from collections import Counter
from collections.abc import Callable, Iterable

from tokenizers import BertWordPieceTokenizer
from transformers import BertTokenizer

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CHARACTERS = 200


def train_wordpiece(texts: Callable[[], Iterable[str]], vocab_size: int, max_length: int) -> BertTokenizer:
    """Learn ``vocab_size`` word pieces from ``texts`` and return the tokenizer that BERT's own class reads.

    Accents are stripped and text is lower-cased, as IndoBERT does. Beside the 200 most frequent characters, pieces are seen
    at least ten times; other characters become ``[UNK]``. The same texts give the same pieces in the same order.

    Args:
        texts: gives them anew each time that it is called; they are read twice.
    """
    trainer = BertWordPieceTokenizer(lowercase=True, strip_accents=True, handle_chinese_chars=True)
    counts: Counter[str] = Counter()
    for text in texts():
        counts.update(trainer.normalizer.normalize_str(text))
    frequent = sorted((one for one in counts if not one.isspace()), key=lambda one: (-counts[one], one))[:CHARACTERS]
    # The trainer breaks ties by the numbers of pieces, and numbers those that continue words as they come out of a hash map,
    # in another order each time. Those that are there from the start, as special tokens are, it leaves where they are.
    inner = [f"##{one}" for one in sorted(frequent) if len(trainer.pre_tokenizer.pre_tokenize_str(f"a{one}")) == 1]
    trainer.train_from_iterator(
        iter(texts()),
        vocab_size=vocab_size,
        min_frequency=10,
        limit_alphabet=CHARACTERS,
        initial_alphabet=frequent,
        special_tokens=[*SPECIAL_TOKENS, *inner],
        show_progress=False,
    )
    return BertTokenizer(
        vocab=trainer.get_vocab(),
        do_lower_case=True,
        strip_accents=True,
        model_max_length=max_length,
    )
