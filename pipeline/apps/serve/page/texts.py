"""The words of the page, in each language, and how numbers are written among them."""

import re
from importlib.resources import files
from typing import Any

from ruamel.yaml import YAML

Texts = dict[str, Any]

# By the tags that browsers send; "in" is the old one of Indonesian.
LANGUAGES = {"en": "en", "id": "id", "in": "id"}
_PREFERENCE = re.compile(r"([a-zA-Z]{1,8})(?:-[\w-]*)?(?:\s*;\s*q=(\d(?:\.\d{1,3})?))?")


def load_texts() -> dict[str, Texts]:
    """Read ``texts/*.yaml``, by language."""
    reader = YAML(typ="safe", pure=True)
    folder = files(__package__) / "texts"
    return {code: reader.load((folder / f"{code}.yaml").read_text(encoding="utf-8")) for code in ("en", "id")}


def choose_language(asked: str | None, accepted: str) -> str:
    """Return the language that was asked for, else the one that the browser likes best, else English."""
    if asked in {"en", "id"}:
        return asked
    best, weight = "en", 0.0
    for part in accepted[:200].split(","):
        match = _PREFERENCE.fullmatch(part.strip())
        if match and (language := LANGUAGES.get(match[1].lower())) and float(match[2] or 1) > weight:
            best, weight = language, float(match[2] or 1)
    return best


def counted(forms: list[str], number: int) -> str:
    """Fill ``number`` into its singular (first) or plural (last) form."""
    return forms[0 if number == 1 else -1].replace("{n}", str(number))


def decimal(value: float, language: str) -> str:
    """Write a probability to two places."""
    return f"{value:.2f}".replace(".", "," if language == "id" else ".")
