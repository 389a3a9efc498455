"""The ``netral`` command. Imports are inside the commands, so that ``--help`` is quick."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.errors import user_errors

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Label the sentences of Indonesian election news by what they ask of the civil service.",
)


@app.command()
def classify(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...", help="Files, folders or globs: JSONL, CSV, Parquet, TXT, HTML; also .gz and .zst."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="A .jsonl, .csv or .parquet file, or a folder. Without it, articles are printed."),
    ] = None,
    checkpoint: Annotated[Path, typer.Option(help="An exported checkpoint.")] = Path("models/exported"),
    unit: Annotated[
        Literal["article", "sentence"], typer.Option(help="'sentence': records have id and text, each one sentence.")
    ] = "article",
    form: Annotated[
        Literal["parquet", "jsonl", "csv"], typer.Option("--format", help="Of the tables in a folder.")
    ] = "parquet",
    overwrite: Annotated[bool, typer.Option(help="Replace existing output.")] = False,
) -> None:
    """Label new articles."""
    with user_errors():
        from pipeline.apps.classify import classify

        classify(inputs, checkpoint, out, unit, form, overwrite)


@app.command()
def pretrain(
    text: Annotated[
        list[str],
        typer.Argument(
            metavar="TEXT...", help="Plain text, a paragraph a line: .txt, .xz, .zst. PATH@0.5 uses half of a file."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the new encoder.")] = Path("models/encoder"),
    config: Annotated[Path, typer.Option(help="Shape and schedule.")] = Path("configs/pretrain.yaml"),
    minutes: Annotated[float, typer.Option(min=0.01, help="Time to train, over all runs.")] = 45.0,
    resume: Annotated[bool, typer.Option(help="Go on with an unfinished run.")] = False,
) -> None:
    """Train a compact encoder, tokenizer included, on plain text."""
    with user_errors():
        try:
            from pipeline.training.pretrain.config import PretrainConfig
            from pipeline.training.pretrain.pretrain import pretrain
        except ModuleNotFoundError as error:
            from pipeline.errors import InputError

            raise InputError(
                f"pretraining needs '{error.name}'; install it with: pip install 'netral[train]'"
            ) from None
        from pipeline.config import load_config
        from pipeline.training.pretrain.text import TextSource

        pretrain([TextSource.parse(name) for name in text], out, load_config(config, PretrainConfig), minutes, resume)


if __name__ == "__main__":
    app()
