"""The articles of a corpus: all of them or an error."""

from pathlib import Path

from pipeline.corpus.input_files import Part, find_files
from pipeline.corpus.readers import Reject, read_part
from pipeline.corpus.records import Article
from pipeline.errors import complain


def read_corpus(folder: Path) -> list[Article]:
    """Read all articles of a corpus, in the order of file names and lines.

    Raises:
        InputError: a record cannot be read, or an id occurs twice; all such records are listed.
    """
    articles: list[Article] = []
    first: dict[str, str] = {}
    problems = []
    for path in find_files([str(folder)]):
        for found in read_part(Part(path)):
            if isinstance(found, Reject):
                problems.append(f"{found.place}: {found.reason}; expected {found.expected}")
            elif isinstance(found.record, Article):
                name = found.record.id
                if name in first:
                    problems.append(f"{found.place}: article id '{name}' occurs twice, first in {first[name]}")
                first.setdefault(name, found.place)
                articles.append(found.record)
    complain(problems, f"articles in {folder} cannot be used")
    return articles
