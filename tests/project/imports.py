"""Which modules of the project a module imports, read from its source: also imports inside functions."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]


def module_file(name: str) -> Path | None:
    """Return the file of module ``name``, relative to the root, if it is one of the project."""
    base = Path(*name.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if (ROOT / path).is_file()), None)


def imported(path: Path) -> set[Path]:
    """Return the files of the project that ``path`` imports directly, with the packages they lie in."""
    names: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    parents = {".".join(name.split(".")[:end]) for name in names for end in range(1, name.count(".") + 1)}
    return {file for name in names | parents if name.split(".")[0] == "pipeline" and (file := module_file(name))}


def needed(path: Path) -> set[Path]:
    """Return every file of the project that running ``path`` reads, itself included."""
    found: set[Path] = set()
    due = {path}
    while due:
        current = due.pop()
        found.add(current)
        due |= imported(current) - found
    return found
