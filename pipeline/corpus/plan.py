"""The plan of a corpus: what each article was written to be, and which articles lie in a cell of it."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipeline.errors import InputError, complain

# Values by column, for instance {"manner": "public radio", "event": "recount"}.
Cell = Mapping[str, str]


def read_plan(path: Path) -> list[dict[str, str]]:
    """Read a plan: CSV with a header, of which one column is the article's ``id``.

    Raises:
        InputError: there is no such file, it lacks the column, or a row is cut short.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such plan; name another, or set 'plan: null' and 'held_cells: []' in configs/dataset.yaml"
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: is not valid CSV in UTF-8: {error}") from None
    if not rows or "id" not in rows[0]:
        raise InputError(f"{path}: expected CSV with a header that has 'id', and a row per article")
    short = [f"row {number}" for number, row in enumerate(rows, 2) if None in row or None in row.values()]
    complain(short, f"{path}: rows without as many fields as the header has")
    return rows


def articles_in(cells: Iterable[Cell], plan: Iterable[Mapping[str, str]]) -> frozenset[str]:
    """Return the ids of the articles of ``plan`` that lie in one of ``cells``.

    Raises:
        InputError: no article lies in a cell.
    """
    members: set[str] = set()
    empty = []
    for cell in cells:
        found = {row["id"] for row in plan if all(row.get(column) == value for column, value in cell.items())}
        members |= found
        if not found:
            empty.append(", ".join(f"{column}: {value}" for column, value in cell.items()))
    complain(empty, "held_cells of configs/dataset.yaml in which the plan has no article")
    return frozenset(members)
