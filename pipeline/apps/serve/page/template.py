"""The template of the page, and what it can call."""

from collections.abc import Sequence

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from pipeline.apps.serve.page.look import visible
from pipeline.apps.serve.page.marking import Shown
from pipeline.apps.serve.page.texts import Texts, counted, decimal
from pipeline.apps.serve.schema import SentenceOut


def page_template() -> Template:
    """Return ``templates/page.html``; everything that goes into it is escaped."""
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    environment.globals |= {
        "counted": counted,
        "decimal": decimal,
        "json": json_block,
        "tag": tag,
        "total": total,
    }
    return environment.get_template("page.html")


def json_block(value: object) -> Markup:
    """Return ``value`` as JSON that may stand inside a ``script`` element."""
    text = orjson.dumps(value).decode()
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def tag(sentence: SentenceOut, labels: Sequence[dict[str, str]], words: Texts) -> str:
    """Return the name of the link behind a sentence, for those who listen; the script writes the same."""
    carried = ", ".join(label["shown"] for label in labels if label["name"] in sentence.labels)
    text: str = words["tag"].replace("{n}", str(sentence.index + 1)).replace("{labels}", carried or words["none"])
    return text


def total(shown: Sequence[Shown], labelled: bool = False) -> int:
    """Count the sentences of all articles, or those that carry a label."""
    return sum(len(item.sentences) - (item.count(None) if labelled else 0) for item in shown)
