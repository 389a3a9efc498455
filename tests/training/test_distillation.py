"""Distillation: which sentences are taught, what the teacher says of them, and that the student learns it."""

import json
import lzma
from pathlib import Path

import numpy as np
import pytest
import torch
from made_corpus import DOES, WHO
from scipy.special import expit

from pipeline.errors import InputError
from pipeline.training.data import load_split
from pipeline.training.distillation import TeacherConfig, taught_loss, teacher_probabilities, unlabelled_sentences
from pipeline.training.encoder import load_classifier
from pipeline.training.fine_tune import TrainConfig, fine_tune
from pipeline.training.inference import logits_of

LABELS = ["appeal", "prohibition", "sanction", "logistics"]


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> Path:
    """Plain text: each of the made-up corpus's halves with a subject of its own, two sentences a paragraph."""
    path = tmp_path_factory.mktemp("text") / "text.txt.xz"
    sentences = [f"{who} kemarin {do}." for who in WHO for half in DOES.values() for do in half]
    lines = [f"{one} {other}\n" for one, other in zip(sentences[::2], sentences[1::2], strict=True)]
    path.write_bytes(lzma.compress("".join(lines).encode()))
    return path


def test_paragraphs_are_cut_into_sentences(text):
    found = unlabelled_sentences([str(text)], 10_000, [], seed=0)
    assert len(found) == len(set(found)) == len(WHO) * sum(map(len, DOES.values()))
    assert all(sentence.endswith(".") and sentence.count(".") == 1 for sentence in found)


def test_articles_are_segmented(tmp_path):
    articles = [{"id": "a", "title": "", "text": "Bupati meminta pegawai netral.\n\nBaca juga: Harga cabai turun lagi"}]
    (tmp_path / "news.jsonl").write_text("".join(json.dumps(article) + "\n" for article in articles))
    assert unlabelled_sentences([str(tmp_path / "news.jsonl")], 10, [], seed=0) == ["Bupati meminta pegawai netral."]


def test_sentences_that_must_stay_unseen_are_left_out(text):
    everything = unlabelled_sentences([str(text)], 10_000, [], seed=0)
    apart = [sentence.upper() for sentence in everything[:7]]
    assert set(everything) - set(unlabelled_sentences([str(text)], 10_000, apart, seed=0)) == set(everything[:7])


def test_a_draw_depends_on_the_seed_alone(text, tmp_path):
    one = unlabelled_sentences([str(text)], 20, [], seed=1)
    (tmp_path / "empty.txt").touch()
    assert unlabelled_sentences([str(tmp_path / "empty.txt"), str(text)], 20, [], seed=1) == one
    assert set(unlabelled_sentences([str(text)], 20, [], seed=2)) != set(one)


def test_text_without_sentences_is_refused(tmp_path):
    (tmp_path / "empty.txt").touch()
    with pytest.raises(InputError, match=r"empty\.txt: no sentence to be taught on"):
        unlabelled_sentences([str(tmp_path / "empty.txt")], 20, [], seed=0)


def test_a_bad_article_is_named(tmp_path):
    (tmp_path / "news.jsonl").write_text("{}\n")
    with pytest.raises(InputError, match=r"news\.jsonl:1: "):
        unlabelled_sentences([str(tmp_path / "news.jsonl")], 20, [], seed=0)


def config(workplace, text: Path, **changes: object) -> TeacherConfig:
    return TeacherConfig(**{"model": str(workplace.model), "text": [str(text)], **changes})


def test_labels_of_the_teacher_are_brought_into_the_order_of_the_students(workplace, text, tmp_path):
    texts = unlabelled_sentences([str(text)], 9, [], seed=0)
    given = teacher_probabilities(config(workplace, text, temperature=3.0), LABELS[::-1], texts, 48, tmp_path / "kept")
    teacher = load_classifier(str(workplace.model), None)
    logits = logits_of(teacher.model, teacher.tokenizer, texts, 48, 9)
    assert given == pytest.approx(expit(logits[:, ::-1] / 3), abs=1e-5)


def test_a_teacher_is_asked_once(workplace, text, tmp_path):
    texts = unlabelled_sentences([str(text)], 9, [], seed=0)
    first = teacher_probabilities(config(workplace, text), LABELS, texts, 48, tmp_path / "kept")
    gone = config(workplace, text, model="none/none")
    assert np.array_equal(teacher_probabilities(gone, LABELS, texts, 48, tmp_path / "kept"), first)


def test_a_teacher_of_other_labels_is_refused(workplace, text, tmp_path):
    with pytest.raises(
        InputError, match="knows the labels appeal, prohibition, sanction, logistics; expected appeal, x"
    ):
        teacher_probabilities(config(workplace, text), ["appeal", "x"], ["Pasar"], 48, tmp_path / "kept")


def test_the_loss_of_labelled_sentences_is_the_cross_entropy_and_that_of_taught_ones_is_least_at_the_teachers_logits():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(5, 4, generator=generator, requires_grad=True)
    hard = (torch.rand(5, 4, generator=generator) > 0.5).float()
    plain = taught_loss(logits, hard, torch.zeros(5), weight=3.0, temperature=2.0)
    assert plain.item() == pytest.approx(
        torch.nn.functional.binary_cross_entropy_with_logits(logits, hard).item(), rel=1e-6
    )
    soft = (logits.detach() / 2).sigmoid()
    (gradient,) = torch.autograd.grad(taught_loss(logits, soft, torch.ones(5), 1.0, 2.0), logits)
    assert gradient.abs().max() < 1e-7
    # Twice the weight, twice the gradient; the square of the temperature keeps its size.
    (once,) = torch.autograd.grad(taught_loss(logits, hard, torch.ones(5), 1.0, 2.0), logits)
    (twice,) = torch.autograd.grad(taught_loss(logits, hard, torch.ones(5), 2.0, 2.0), logits)
    assert torch.allclose(twice, 2 * once)
    expected = 2 * ((logits.detach() / 2).sigmoid() - hard) / 20
    assert torch.allclose(once, expected, atol=1e-6)


@pytest.fixture(scope="module")
def settings(workplace, text) -> dict:
    values = json.loads((workplace / "configs/train.yaml").read_text())
    teacher = {"model": str(workplace.model), "text": [str(text)], "sentences": 150, "temperature": 1.0}
    return values | {"epochs": 3, "batch_size": 8, "teacher": teacher}


def test_a_student_comes_nearer_to_its_teacher_than_without(workplace, settings, tmp_path):
    train, validation = (load_split(workplace.dataset, name) for name in ("train", "validation"))
    known = load_classifier(settings["teacher"]["model"], None)
    taught = expit(logits_of(known.model, known.tokenizer, list(validation["text"]), 48, 16))

    def distance(teacher: dict | None) -> float:
        config = TrainConfig(**settings | {"teacher": teacher})
        tuned = fine_tune(train.select(range(8)), validation, LABELS, config, tmp_path / "work")
        return float(np.abs(expit(tuned.validation_logits) - taught).mean())

    assert distance(settings["teacher"]) < distance(None) / 2


def test_other_text_or_another_temperature_is_another_run(workplace, settings, tmp_path, text, capsys):
    class Interruption(BaseException):
        pass

    def stop(row: dict[str, float]) -> None:
        if row["epoch"] == 2:
            raise Interruption

    train, validation = (load_split(workplace.dataset, name).select(range(8)) for name in ("train", "validation"))
    teacher = settings["teacher"] | {"sentences": 8}

    def run(work: Path, teacher: dict, **more: object) -> None:
        values = settings | {"epochs": 2, "teacher": teacher}
        fine_tune(train, validation, LABELS, TrainConfig(**values), work, **more)

    copied = tmp_path / "text.txt.xz"
    copied.write_bytes(text.read_bytes())
    teacher["text"] = [str(copied)]
    with pytest.raises(Interruption):
        run(tmp_path / "work", teacher, on_epoch=stop)
    assert (tmp_path / "work/teacher.npy").exists()
    copied.write_bytes(lzma.compress(("Pasar dibuka pagi ini juga. " * 3 + "\n").encode()))
    capsys.readouterr()
    run(tmp_path / "work", teacher, resume=True)
    assert "not resuming" in capsys.readouterr().out
