"""Which size of encoder to ship: what it learns of equal compute or equal text, its worth fine-tuned, its speed, its size.

    python benchmarks/encoder_sizes.py TEXT... [--shape 2x128] [--shape 4x256] [--shape 6x384] [--minutes 60 or --tokens 5000000]
    python benchmarks/encoder_sizes.py --encoder 4x256=FOLDER --encoder 6x384=FOLDER

Trains each shape (``netral pretrain``, killed runs go on) for the same time on the same machine, or on equally many tokens; or takes
finished encoders with their ``pretraining.csv``. Each is fine-tuned with ``--seeds`` seeds, exported, and timed on the test sentences in
netral's runtime with one thread; the best of three passes counts. Half precision is what an encoder is shipped in.
"""

import json
import math
import time
from pathlib import Path
from typing import Annotated

import typer
from encoder import Sentences, end_of_curve, fine_tuned, fingerprint_of, kept, named_folders, pretrained
from safetensors import safe_open

from pipeline.classifier.predict import Classifier
from pipeline.config import load_config
from pipeline.corpus.labels import load_labels
from pipeline.corpus.segment import SegmentConfig
from pipeline.errors import InputError, user_errors
from pipeline.files import whole_folder, write_json
from pipeline.training.data import label_matrix
from pipeline.training.decision import choose
from pipeline.training.evaluation import Predictions, report_with_intervals
from pipeline.training.export import export
from pipeline.training.fine_tune import FineTuned, TrainConfig
from pipeline.training.inference import logits_of
from pipeline.training.model_card import CorpusFacts
from pipeline.training.parity import Bounds
from pipeline.training.pretrain.budget import Budget
from pipeline.training.pretrain.config import PretrainConfig
from pipeline.training.pretrain.text import TextSource


def shaped(settings: PretrainConfig, shape: str) -> PretrainConfig:
    """Return ``settings`` with the shape ``LAYERSxWIDTH``: heads of 64 dimensions, four times the width between."""
    layers, cross, width = shape.partition("x")
    if not cross or not layers.isdigit() or not width.isdigit() or int(width) % 64:
        raise InputError(f"{shape}: expected LAYERSxWIDTH, the width a multiple of 64, for instance 4x256")
    size = int(width)
    changes = {"layers": int(layers), "hidden_size": size, "heads": max(2, size // 64), "intermediate_size": 4 * size}
    return PretrainConfig(**settings.model_dump() | changes)


def megabytes(encoder: Path) -> float:
    """Return the size of its weights in half precision, in MB."""
    with safe_open(encoder / "model.safetensors", "np") as file:
        return sum(2 * math.prod(file.get_slice(name).get_shape()) for name in file.keys()) / 1e6  # noqa: SIM118


def sentences_per_second(
    tuned: FineTuned, data: Sentences, settings: TrainConfig, labels: Path, folder: Path
) -> dict[str, float]:
    """Export, and classify the test sentences with one thread in each precision."""
    validation, test = data.splits["validation"], data.splits["test"]
    decision = choose(tuned.validation_logits, label_matrix(validation, data.labels), settings.seed)
    logits = logits_of(tuned.model, tuned.tokenizer, test["text"], settings.max_length, 64)
    found = Predictions.at(decision.thresholds, decision.probabilities(logits))
    truth = label_matrix(test, data.labels)
    report = report_with_intervals(found, truth, test["article_id"], data.labels, settings.seed)
    with whole_folder(folder) as out:
        export(
            model=tuned.model,
            tokenizer=tuned.tokenizer,
            decision=decision,
            labels=load_labels(labels),
            segmentation=SegmentConfig(),
            training={"config": settings.model_dump(), "revision": None, "dataset": {}},
            metrics={"test": report.flat(), "baselines": {}},
            facts=CorpusFacts(),
            examples=list(data.splits["train"]["text"])[:1000],
            texts=list(validation["text"]),
            truth=label_matrix(validation, data.labels),
            bounds=Bounds(f1_loss=1, agreement=0),
            out=out,
        )
    texts = list(dict.fromkeys(test["text"]))
    speeds = {}
    for precision in ("fp32", "int8"):
        classifier = Classifier(folder, precision, threads=1)
        classifier.score(texts[:64])
        spent = []
        for _ in range(3):
            begun = time.perf_counter()
            classifier.score(texts)
            spent.append(time.perf_counter() - begun)
        speeds[precision] = len(texts) / min(spent)
    return speeds


def main(
    text: Annotated[list[str] | None, typer.Argument(help="Plain text to pretrain on.")] = None,
    shape: Annotated[list[str], typer.Option()] = ["2x128", "4x256", "6x384"],  # noqa: B006
    encoder: Annotated[
        list[str] | None, typer.Option(help="NAME=FOLDER of a finished one; may be given again.")
    ] = None,
    minutes: float = 60.0,
    tokens: Annotated[int | None, typer.Option(help="Instead: each reads as much.")] = None,
    seeds: int = 1,
    epochs: int | None = None,
    dataset: Path = Path("data/dataset"),
    challenge: Path = Path("data/challenge/challenge.jsonl"),
    labels: Path = Path("configs/labels.yaml"),
    config: Path = Path("configs/train.yaml"),
    pretraining: Path = Path("configs/pretrain.yaml"),
    out: Path = Path("reports/benchmarks/encoder_sizes"),
) -> None:
    with user_errors():
        folders = named_folders(encoder or ())
        if text:
            sources = [TextSource.parse(name) for name in text]
            for name in shape:
                folders[name] = out / name
                settings = shaped(load_config(pretraining, PretrainConfig), name)
                pretrained(sources, folders[name], settings, Budget(tokens=tokens) if tokens else Budget(minutes))
        if not folders:
            raise InputError("give TEXT... to train on, or --encoder NAME=FOLDER")
        data = Sentences.read(dataset, challenge)
        train = load_config(config, TrainConfig)
        if epochs:
            train = train.model_copy(update={"epochs": epochs})
        rows = []
        for name, folder in folders.items():
            curve = end_of_curve(folder)
            scores: list[float] = []
            speeds: dict[str, float] = {}
            for seed in range(train.seed, train.seed + seeds):
                run = train.model_copy(update={"encoder": str(folder), "revision": None, "seed": seed})
                path = out / f"{name}-{seed}.json"

                def compute(run: TrainConfig = run, path: Path = path) -> dict[str, object]:
                    tuned, figures = fine_tuned(data, run, path.with_suffix(".work"))
                    speed = sentences_per_second(tuned, data, run, labels, path.with_suffix(".exported"))
                    return figures | {"sentences_per_second": speed}

                figures = kept(path, fingerprint_of(data, run, folder), compute)
                scores.append(figures["parts"]["test"]["macro_f1"])
                for precision, speed in figures["sentences_per_second"].items():
                    speeds[precision] = max(speed, speeds.get(precision, 0.0))
            row = {
                "encoder": name,
                "million tokens": curve["tokens"] / 1e6,
                "held-out accuracy": curve["held_out_accuracy"],
                "macro-F1": sum(scores) / len(scores),
                "sentences per second": speeds,
                "MB": megabytes(folder),
            }
            rows.append(row)
            print(json.dumps(row), flush=True)
    print(
        "\n| encoder | million tokens | held-out pieces named right | macro-F1 on test | sentences/s, one thread: fp32, int8 | MB |"
    )
    print("|" + "---|" * 6)
    for row in rows:
        print(
            f"| {row['encoder']} | {row['million tokens']:.1f} | {row['held-out accuracy']:.1%} | {row['macro-F1']:.3f} | "
            f"{', '.join(f'{speed:.0f}' for speed in row['sentences per second'].values())} | {row['MB']:.1f} |"
        )
    write_json(out.with_suffix(".json"), rows)


if __name__ == "__main__":
    typer.run(main)
