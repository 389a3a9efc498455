import pytest

from pipeline.corpus.plan import articles_in, read_plan
from pipeline.errors import InputError

PLAN = "id,manner,event\na,radio,recount\nb,daily,recount\nc,radio,patrol\nd,radio,recount\n"


def write(folder, text):
    path = folder / "plan.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_cell_holds_the_articles_that_fit_all_its_columns(tmp_path):
    plan = read_plan(write(tmp_path, PLAN))
    assert articles_in([{"manner": "radio", "event": "recount"}], plan) == {"a", "d"}
    assert articles_in([{"event": "patrol"}, {"manner": "daily"}], plan) == {"b", "c"}
    assert articles_in([], plan) == set()


def test_every_cell_without_an_article_is_named(tmp_path):
    plan = read_plan(write(tmp_path, PLAN))
    with pytest.raises(InputError, match="in which the plan has no article") as caught:
        articles_in([{"manner": "radio"}, {"manner": "Radio"}, {"speaker": "mayor", "event": "patrol"}], plan)
    assert str(caught.value).splitlines()[1:] == ["  manner: Radio", "  speaker: mayor, event: patrol"]


def test_a_plan_may_begin_with_a_byte_order_mark(tmp_path):
    assert read_plan(write(tmp_path, "\ufeff" + PLAN))[0] == {"id": "a", "manner": "radio", "event": "recount"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected CSV with a header that has 'id'"),
        ("id,manner\n", "and a row per article"),
        ("article,manner\na,radio\n", "expected CSV with a header that has 'id'"),
        ("id,manner\na,radio\nb\n", r"rows without as many fields as the header has \(1\):\n  row 3"),
        ("id,manner\na,radio,recount\n", "row 2"),
    ],
)
def test_what_is_no_plan_is_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_plan(write(tmp_path, text))


def test_a_missing_plan_says_how_to_do_without(tmp_path):
    with pytest.raises(InputError, match=r"no such plan; .* set 'plan: null' and 'held_cells: \[\]'"):
        read_plan(tmp_path / "plan.csv")
