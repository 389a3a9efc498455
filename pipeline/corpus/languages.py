"""The language of whole articles; single sentences are too short to tell."""

from collections.abc import Iterable
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from pipeline.corpus.records import Article


def languages(articles: Iterable[Article]) -> dict[str, str]:
    """Return the ISO 639-1 code of each article's language by its id, as py3langid (Lui, Baldwin 2012) sees it.

    It knows no Sundanese, which comes out as Javanese.
    """
    identifier = _identifier()
    return {article.id: str(identifier.classify(f"{article.title}\n{article.text}")[0]) for article in articles}


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
