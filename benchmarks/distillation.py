"""What a teacher is worth: a compact encoder fine-tuned alone, and taught by a larger one on unlabelled news.

    python benchmarks/distillation.py TEXT... --teacher LARGE [--student models/encoder] [--sentences 20000] [--seeds 3]

LARGE is an encoder, a folder or a name on the hub; it is fine-tuned first, with the first seed, at ``--teacher-rate``. ``--share`` uses
a part of the labelled sentences only: the fewer there are, the more a teacher has to say. Macro-F1 on test with the 95 % bootstrap
interval over articles of the first seed; the students' runs are resumed and kept as those of ``benchmarks/encoder.py``.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from encoder import Sentences, fine_tuned, fingerprint_of, kept, table

from pipeline.config import load_config
from pipeline.errors import user_errors
from pipeline.files import write_json
from pipeline.training.distillation import TeacherConfig
from pipeline.training.fine_tune import TrainConfig


def main(
    text: Annotated[list[str], typer.Argument(help="Unlabelled text, as configs/train.yaml: teacher.text.")],
    teacher: str = typer.Option(),
    teacher_revision: str | None = None,
    teacher_rate: float = 5e-5,
    student: Path = Path("models/encoder"),
    dataset: Path = Path("data/dataset"),
    challenge: Path = Path("data/challenge/challenge.jsonl"),
    config: Path = Path("configs/train.yaml"),
    sentences: int = 20_000,
    weight: float = 1.0,
    temperature: float = 2.0,
    share: float = 1.0,
    epochs: int | None = None,
    seeds: int = 3,
    out: Path = Path("reports/benchmarks/distillation"),
) -> None:
    with user_errors():
        settings = load_config(config, TrainConfig).model_copy(update={"encoder": str(student), "teacher": None})
        if epochs:
            settings = settings.model_copy(update={"epochs": epochs})
        data = Sentences.read(dataset, challenge)
        train = data.splits["train"].shuffle(seed=settings.seed)
        fewer = train.select(range(round(share * len(train))))
        data = replace(data, splits=data.splits | {"train": fewer}, fingerprint=f"{data.fingerprint} {share}")

        large = settings.model_copy(
            update={"encoder": teacher, "revision": teacher_revision, "learning_rate": teacher_rate}
        )
        folder = out / "teacher"
        mark = fingerprint_of(data, large, Path(teacher)) + teacher

        def teach() -> dict[str, object]:
            tuned, figures = fine_tuned(data, large, out / "teacher.work")
            tuned.model.save_pretrained(folder)
            tuned.tokenizer.save_pretrained(folder)
            return figures

        results = {f"teacher, {Path(teacher).name}": [kept(out / "teacher.json", mark, teach)]}
        lesson = TeacherConfig(
            model=str(folder), text=tuple(text), sentences=sentences, weight=weight, temperature=temperature
        )
        for seed in range(settings.seed, settings.seed + seeds):
            for name, given in (("student alone", None), ("student, taught", lesson)):
                run = settings.model_copy(update={"seed": seed, "teacher": given, "revision": None})
                path = out / f"{name.replace(', ', '-').replace(' ', '-')}-{seed}.json"
                figures = kept(
                    path,
                    fingerprint_of(data, run, student, *([folder] if given else [])),
                    lambda run=run, path=path: fine_tuned(data, run, path.with_suffix(".work"))[1],  # type: ignore[misc]
                )
                results.setdefault(name, []).append(figures)
                print(f"{name}, seed {seed}: {figures['parts']['test']['macro_f1']:.3f}", flush=True)
    print(f"\n{len(fewer)} labelled sentences, at most {sentences} unlabelled ones\n\n{table(results)}")
    write_json(out.with_suffix(".json"), results)


if __name__ == "__main__":
    typer.run(main)
