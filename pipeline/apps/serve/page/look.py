"""How labels look: letters, colours of text on them, and the style sheet that is made of what a checkpoint declares."""

import re
from collections.abc import Sequence

from markupsafe import Markup, escape

from pipeline.corpus.labels import Label

# Drawn under a sentence, in label order: whoever cannot tell the colours tells the lines. Colour, then nothing.
_LINES = (
    "linear-gradient({c}, {c})",
    "repeating-linear-gradient(90deg, {c} 0 9px, transparent 9px 13px)",
    "repeating-linear-gradient(90deg, {c} 0 3px, transparent 3px 6px)",
    "repeating-linear-gradient(90deg, {c} 0 12px, transparent 12px 15px, {c} 15px 18px, transparent 18px 21px)",
    "repeating-linear-gradient(45deg, {c} 0 2px, transparent 2px 5px)",
    "repeating-linear-gradient(90deg, {c} 0 24px, transparent 24px 28px)",
)
# What a reader cannot see, and what turns the direction of the text around it: controls, marks of direction and of no
# width, fillers, tags, halves of characters.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)


def letters(names: Sequence[str]) -> list[str]:
    """Return the shortest beginning of each name that no other name has, capitalised."""

    def distinct(name: str) -> str:
        others = [other for other in names if other != name]
        lengths = range(1, len(name) + 1)
        return next((name[:n] for n in lengths if not any(other.startswith(name[:n]) for other in others)), name)

    return [distinct(name).capitalize() for name in names]


def luminance(colour: str) -> float:
    """Return the relative luminance of ``#RRGGBB``, 0 to 1 (WCAG 2.2)."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def text_on(colour: str) -> str:
    """Return white or black, whichever stands out more; one of them always has a contrast above 4.5."""
    return max("#ffffff", "#000000", key=lambda ink: contrast(ink, colour))


def style_sheet(labels: Sequence[Label]) -> str:
    """Return the rules for each label: its badge, its line in each lane under a sentence, and its filter."""
    rules = []
    for place, label in enumerate(labels):
        name, colour = label.name, label.colour
        line = _LINES[place % len(_LINES)].format(c=colour)
        rules += [
            f":root {{ --line-{name}: {line}; }}",
            f".of-{name} {{ --label: {colour}; --on-label: {text_on(colour)}; --line: var(--line-{name}); }}",
            *(f".lane{lane}-{name} {{ --lane{lane}: var(--line-{name}); }}" for lane in range(len(labels))),
        ]
        rules += _filter(name, f"color-mix(in srgb, {colour} 22%, transparent)")
    rules += _filter("no-label", "var(--wash)")
    rules += [f".lanes{count} {{ --lanes: {count}; }}" for count in range(1, len(labels) + 1)]
    lanes = range(len(labels))
    images = ", ".join(f"var(--lane{lane}, none)" for lane in lanes)
    places = ", ".join(f"0 calc(100% - (var(--lanes) - {lane + 1}) * 4px)" for lane in lanes)
    rules.append(f".words {{ background-image: {images}; background-position: {places}; }}")
    return "\n".join(rules) + "\n"


def _filter(name: str, tint: str) -> list[str]:
    """With the box of ``name`` ticked, its sentences and rows come forward; :file:`page.css` holds all others back."""
    ticked = f".article:has(.filter-{name}:checked)"
    return [
        f"{ticked} .has-{name} .words {{ color: var(--ink); background-color: {tint}; }}",
        f"{ticked} tr.has-{name} {{ display: var(--row, table-row); }}",
    ]


def visible(text: str, named: str) -> Markup:
    """Escape ``text``; characters that cannot be seen or that turn its direction become small marks with their code point.

    ``named`` says what they are, for those who listen.
    """
    parts = []
    end = 0
    for match in _INVISIBLE.finditer(text):
        mark = Markup('<span class="control" title="{}">U+{:04X}</span>').format(named, ord(match.group()))
        parts += [escape(text[end : match.start()]), mark]
        end = match.end()
    return Markup().join([*parts, escape(text[end:])])
