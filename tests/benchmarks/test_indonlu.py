"""IndoNLU's sentence tasks are read, learned and measured as the benchmark's authors do, on a handful of made-up rows."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from conftest import ROOT, TRAIN
from sklearn.metrics import f1_score

from pipeline.errors import InputError
from pipeline.training.fine_tune import TrainConfig

SPEC = spec_from_file_location("indonlu", ROOT / "benchmarks/indonlu.py")
indonlu = sys.modules["indonlu"] = module_from_spec(SPEC)
SPEC.loader.exec_module(indonlu)

GOOD, BAD = "pelayanan kantor ini ramai dan adil", "jalan rumah terendam banjir berat"
CASA = indonlu.TASKS["casa"]


@pytest.fixture
def folder(tmp_path) -> Path:
    """The files of all three tasks; in each part the same few sentences, so that they can be learned by heart."""
    aspects = ",".join(CASA.questions)
    files = {
        "smsa_doc-sentiment-prosa/{}_preprocess.tsv": f'{GOOD}\tpositive\n{BAD} "\tnegative\npegawai\tneutral\n' * 6,
        "emot_emotion-twitter/{}_preprocess.csv": "label,tweet\n" + f'happy,"{GOOD}, ya"\nanger,{BAD}\n' * 6,
        "casa_absa-prosa/{}_preprocess.csv": f"sentence,{aspects}\n"
        + f"{GOOD},positive{',neutral' * 5}\n{BAD}{',neutral' * 5},negative\n" * 6,
    }
    for name, content in files.items():
        for part in ("train", "valid", "test"):
            path = tmp_path / name.format(part)
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")
    return tmp_path


def test_each_question_of_a_sentence_has_one_answer(folder):
    rows = indonlu.read_part(folder, CASA, "train")
    assert rows[0]["text"] == GOOD
    assert rows[0]["labels"] == ["fuel:positive", *(f"{aspect}:neutral" for aspect in CASA.questions[1:])]
    assert CASA.choices == [3] * 6
    assert indonlu.read_part(folder, indonlu.TASKS["emot"], "test")[0] == {
        "text": f"{GOOD}, ya",
        "labels": ["label:happy"],
    }
    assert indonlu.read_part(folder, indonlu.TASKS["smsa"], "test")[1]["text"] == f'{BAD} "'


def test_answers_of_all_aspects_are_pooled_before_they_are_averaged():
    """As ``absa_metrics_fn`` of the benchmark's repository: one F1 per polarity, not per aspect."""
    truth = [["fuel:positive", "part:neutral"], ["fuel:neutral", "part:neutral"]]
    found = [["fuel:positive", "part:neutral"], ["fuel:neutral", "part:negative"]]
    assert indonlu.answers(truth) == ["positive", "neutral", "neutral", "neutral"]
    score = f1_score(indonlu.answers(truth), indonlu.answers(found), average="macro")
    assert score == pytest.approx((1 + 0.8 + 0) / 3)


@pytest.mark.parametrize("task", indonlu.TASKS)
def test_a_few_sentences_are_learned_by_heart(folder, tiny_encoder, task):
    settings = TrainConfig(**TRAIN | {"encoder": str(tiny_encoder), "hidden_pieces": 0.0, "epochs": 4})
    accuracy, f1 = indonlu.measure(folder, indonlu.TASKS[task], settings)
    assert accuracy == 100
    # EmoT's other three emotions do not occur, and are not counted.
    assert f1 == pytest.approx(100)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (f"{GOOD}\tgood", "found label:good"),
        (f"{GOOD}", "found label:$"),
        ("\tpositive", "found no text"),
    ],
)
def test_a_row_that_is_not_as_described_is_named(folder, line, complaint):
    path = folder / "smsa_doc-sentiment-prosa/train_preprocess.tsv"
    path.write_text(f"{GOOD}\tpositive\n{line}\n")
    with pytest.raises(InputError, match=rf"train_preprocess.tsv:2: expected a text, and .* {complaint}"):
        indonlu.read_part(folder, indonlu.TASKS["smsa"], "train")


def test_missing_files_are_said_where_to_get(tmp_path):
    with pytest.raises(InputError, match="no such file; get it from https://github"):
        indonlu.read_part(tmp_path, CASA, "train")
