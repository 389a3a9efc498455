"""The articles of a corpus: all of them or an error."""

from pathlib import Path

from pipeline.corpus.input_files import find_files
from pipeline.corpus.readers import Reject, read_records
from pipeline.corpus.records import Article
from pipeline.errors import complain


def read_corpus(folder: Path) -> list[Article]:
    """Read all articles of a corpus, in the order of file names and lines.

    Raises:
        InputError: a record cannot be read, or an id occurs twice; all such records are listed.
    """
    articles: dict[str, Article] = {}
    first: dict[str, str] = {}
    problems = []
    for path in find_files([str(folder)]):
        for number, record in enumerate(read_records(path), 1):
            if isinstance(record, Reject):
                problems.append(f"{record.place}: {record.reason}; expected {record.expected}")
            elif isinstance(record, Article) and articles.setdefault(record.id, record) is not record:
                problems.append(
                    f"{path}, record {number}: article id '{record.id}' occurs twice, first in {first[record.id]}"
                )
            elif isinstance(record, Article):
                first[record.id] = f"{path}, record {number}"
    complain(problems, f"articles in {folder} cannot be used")
    return list(articles.values())
