"""The README says what is so."""

import ast
import re

from imports import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def first_sentence(path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.split("\n\n")[0].split()).rstrip(".").replace("``", "")


def tree() -> list[str]:
    """Return the lines of the tree of ``pipeline/``: each file with the first sentence of its docstring."""
    lines = []

    def add(folder, indent: str) -> None:
        for path in sorted(folder.iterdir(), key=lambda path: (path.is_file(), path.name)):
            if path.is_dir() and (path / "__init__.py").is_file():
                lines.append(f"{indent}{path.name}/".ljust(26) + first_sentence(path / "__init__.py"))
                add(path, indent + "  ")
            elif path.suffix == ".py" and path.name != "__init__.py":
                lines.append(f"{indent}{path.name}".ljust(26) + first_sentence(path))

    add(ROOT / "pipeline", "  ")
    return lines


def test_the_tree_is_true():
    block = re.search(r"^pipeline/\n(.*?)^tests/", README, re.DOTALL | re.MULTILINE)
    assert block is not None
    assert block.group(1).splitlines() == tree()


def test_every_path_named_exists():
    named = set(re.findall(r"\]\(([\w./-]+)\)", README)) | set(
        re.findall(r"`((?:configs|docs|benchmarks|notebooks)/[\w./-]+)", README)
    )
    missing = {path for path in named if not (ROOT / path.split(":")[0]).exists()}
    assert not missing


def test_every_benchmark_is_named():
    scripts = {path.name for path in (ROOT / "benchmarks").glob("*.py")}
    text = README + "".join(
        path.read_text() for path in [*ROOT.glob("docs/*.md"), *ROOT.glob("models/encoder/README.md")]
    )
    assert {script for script in scripts if script not in text} == set()
