"""An encoder on IndoNLU's sentence tasks, fine-tuned by netral's own ``fine_tune``, beside the figures of the paper.

    python benchmarks/indonlu.py FOLDER [--task smsa] [--encoder models/encoder] [--learning-rate 3e-4] [--epochs 10] [--seed 1]

FOLDER is the folder ``dataset`` of https://github.com/IndoNLP/indonlu, or one with the same files:

    smsa_doc-sentiment-prosa/{train,valid,test}_preprocess.tsv   text, label (sentiment of a review)
    emot_emotion-twitter/{train,valid,test}_preprocess.csv       label,tweet (emotion of a tweet)
    casa_absa-prosa/{train,valid,test}_preprocess.csv            sentence and a column per aspect of a car: its polarity

Each task is measured as the benchmark measures it: accuracy and macro-F1 on test, the best epoch chosen by macro-F1 on
validation; CASA's six aspects are six choices of one polarity, pooled into one list of answers. The published figures are the
macro-F1 of table 5 of Wilie et al. 2020 (https://aclanthology.org/2020.aacl-main.85), with the ``p2`` models of the
repository's README.
"""

import csv
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import datasets
import typer
from sklearn.metrics import accuracy_score, f1_score

from pipeline.config import load_config
from pipeline.errors import InputError, user_errors
from pipeline.training.fine_tune import TrainConfig, fine_tune
from pipeline.training.inference import logits_of
from pipeline.training.objective import decide

POLARITIES = ("negative", "neutral", "positive")


@dataclass(frozen=True)
class Task:
    """One data set of IndoNLU.

    Attributes:
        text: column of the text; ``None`` where the files have no header, and two columns: text, label.
        questions: columns of the answers.
        answers: what each question is answered with.
    """

    folder: str
    suffix: str
    text: str | None
    questions: tuple[str, ...]
    answers: tuple[str, ...]

    @property
    def labels(self) -> list[str]:
        return [f"{question}:{answer}" for question in self.questions for answer in self.answers]

    @property
    def choices(self) -> list[int]:
        return [len(self.answers)] * len(self.questions)


TASKS = {
    "emot": Task("emot_emotion-twitter", "csv", "tweet", ("label",), ("sadness", "anger", "love", "fear", "happy")),
    "smsa": Task("smsa_doc-sentiment-prosa", "tsv", None, ("label",), POLARITIES),
    "casa": Task(
        "casa_absa-prosa", "csv", "sentence", ("fuel", "machine", "others", "part", "price", "service"), POLARITIES
    ),
}
# Macro-F1 on test: EmoT, SmSA, CASA.
PUBLISHED = {
    "scratch transformer": (57.31, 67.35, 67.15),
    "fastText-cc-id": (65.36, 76.92, 79.02),
    "fastText-indo4b": (69.23, 82.13, 82.20),
    "mBERT": (67.30, 84.14, 72.23),
    "XLM-R base": (71.15, 91.39, 91.71),
    "XLM-R large": (78.51, 92.35, 92.40),
    "IndoBERT-lite base p1": (73.88, 90.85, 89.68),
    "IndoBERT-lite base p2": (72.27, 90.29, 87.63),
    "IndoBERT base p1": (75.48, 87.73, 93.23),
    "IndoBERT base p2": (76.28, 87.66, 93.24),
    "IndoBERT-lite large p1": (75.19, 88.66, 90.99),
    "IndoBERT-lite large p2": (70.80, 88.61, 88.13),
    "IndoBERT large p1": (77.08, 92.72, 95.69),
    "IndoBERT large p2": (79.47, 92.03, 94.94),
}


def read_part(folder: Path, task: Task, part: str) -> datasets.Dataset:
    """Read ``train``, ``valid`` or ``test`` as rows with ``text`` and ``labels``, one of each question.

    Raises:
        InputError: the file is missing, or has a row that is not as described above.
    """
    path = folder / task.folder / f"{part}_preprocess.{task.suffix}"
    if not path.is_file():
        raise InputError(f"{path}: no such file; get it from https://github.com/IndoNLP/indonlu, folder dataset")
    texts, labels = [], []
    with path.open(newline="", encoding="utf-8") as file:
        if task.text is None:
            rows = csv.DictReader(file, ["text", *task.questions], delimiter="\t", quoting=csv.QUOTE_NONE)
        else:
            rows = csv.DictReader(file)
        for row in rows:
            given = [f"{question}:{(row.get(question) or '').strip()}" for question in task.questions]
            unknown = [label for label in given if label not in task.labels]
            if unknown or not row.get(task.text or "text"):
                raise InputError(
                    f"{path}:{rows.line_num}: expected a text, and {' or '.join(task.answers)} for "
                    f"{', '.join(task.questions)}; found {', '.join(unknown) or 'no text'}"
                )
            texts.append(row[task.text or "text"])
            labels.append(given)
    return datasets.Dataset.from_dict({"text": texts, "labels": labels})


def answers(labels: list[list[str]]) -> list[str]:
    """Return the answers to all questions of all sentences, one after the other."""
    return [label.split(":", 1)[1] for given in labels for label in given]


def measure(folder: Path, task: Task, settings: TrainConfig) -> tuple[float, float]:
    """Fine-tune on ``task`` and return accuracy and macro-F1 on test, in per cent."""
    train, validation, test = (read_part(folder, task, part) for part in ("train", "valid", "test"))
    with tempfile.TemporaryDirectory() as work:
        tuned = fine_tune(train, validation, task.labels, settings, Path(work) / "work", choices=task.choices)
    logits = logits_of(tuned.model, tuned.tokenizer, test["text"], settings.max_length, 64)
    given = [[task.labels[column] for column in row.nonzero()[0]] for row in decide(logits, task.choices)]
    truth, found = answers(list(test["labels"])), answers(given)
    return 100 * accuracy_score(truth, found), 100 * f1_score(truth, found, average="macro")


def main(
    folder: Path,
    task: Annotated[
        list[str] | None, typer.Option(help="emot, smsa or casa; all unless told. May be given again.")
    ] = None,
    encoder: str = "models/encoder",
    revision: str | None = None,
    config: Path = Path("configs/train.yaml"),
    learning_rate: float | None = None,
    epochs: int | None = None,
    seed: int = 1,
) -> None:
    with user_errors():
        chosen = {
            "encoder": encoder,
            "revision": revision,
            "seed": seed,
            "learning_rate": learning_rate,
            "epochs": epochs,
        }
        given = {name: value for name, value in chosen.items() if value is not None} | {"revision": revision}
        settings = TrainConfig(**load_config(config, TrainConfig).model_dump() | given)
        unknown = set(task or ()) - set(TASKS)
        if unknown:
            raise InputError(f"{', '.join(sorted(unknown))}: no such task; known: {', '.join(TASKS)}")
        results = {name: measure(folder, TASKS[name], settings) for name in TASKS if name in (task or TASKS)}
    print(
        f"| macro-F1 on test, in brackets accuracy | {' | '.join(name for name in results)} |\n|---|{'---|' * len(results)}"
    )
    own = " | ".join(f"**{f1:.2f}** ({accuracy:.2f})" for accuracy, f1 in results.values())
    print(f"| {encoder}, seed {seed} | {own} |")
    for name, figures in PUBLISHED.items():
        columns = " | ".join(f"{dict(zip(TASKS, figures, strict=True))[known]:.2f}" for known in results)
        print(f"| {name} (Wilie et al. 2020) | {columns} |")


if __name__ == "__main__":
    typer.run(main)
