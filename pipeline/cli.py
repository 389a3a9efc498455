"""The ``netral`` command. Imports are inside the commands, so that ``--help`` is quick."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from pipeline.errors import InputError, user_errors

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
            metavar="INPUT...",
            help="Files, folders, globs or URLs: JSONL, CSV, Parquet, TXT, HTML, WARC; also .gz and .zst.",
        ),
    ],
    out: Annotated[
        str | None,
        typer.Option(
            help="A .jsonl, .csv or .parquet file, or a folder, or its URL. Without it, articles are printed."
        ),
    ] = None,
    checkpoint: Annotated[Path, typer.Option(help="An exported checkpoint.")] = Path("models/exported"),
    unit: Annotated[
        Literal["article", "sentence"], typer.Option(help="'sentence': records have id and text, each one sentence.")
    ] = "article",
    form: Annotated[
        Literal["parquet", "jsonl", "csv"], typer.Option("--format", help="Of the tables in a folder.")
    ] = "parquet",
    overwrite: Annotated[bool, typer.Option(help="Replace existing output.")] = False,
    precision: Annotated[
        Literal["fp32", "int8"] | None, typer.Option(help="Of the computation; the checkpoint's choice unless told.")
    ] = None,
    device: Annotated[Literal["cpu", "cuda"], typer.Option(help="'cuda': a GPU, with torch, in bfloat16.")] = "cpu",
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="'ray': on the cluster that RAY_ADDRESS names.")
    ] = "local",
    processes: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Of the local engine; as many as usable cores unless told.")
    ] = None,
    shard_megabytes: Annotated[
        float | None,
        typer.Option(
            min=0.0001, max=4096, help="Input that a process takes at a time; by the size of the input unless told."
        ),
    ] = None,
) -> None:
    """Label new articles. A run into a folder that was killed goes on when it is started again."""
    with user_errors(missing="check its name"):
        from pipeline.apps.classify import classify, stoppable

        shard_bytes = None if shard_megabytes is None else round(shard_megabytes * 2**20)
        with stoppable():
            classify(inputs, checkpoint, out, unit, form, overwrite, precision, engine, processes, shard_bytes, device)


@app.command()
def serve(
    checkpoint: Annotated[Path, typer.Option(help="An exported checkpoint.")] = Path("models/exported"),
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 is every network.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 lets the system choose.")] = 8000,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processes of one thread each; as many as cores unless told.")
    ] = None,
    queue_tokens: Annotated[
        int, typer.Option(min=1, help="Word pieces that may wait at the same time; beyond them requests get 429.")
    ] = 32_768,
    queue_seconds: Annotated[
        float, typer.Option(min=0.01, help="Time that a request may wait for its turn; beyond it it gets 429.")
    ] = 0.25,
    deadline: Annotated[
        float, typer.Option(min=0.1, help="Seconds that a request may take; beyond them it gets 504.")
    ] = 30,
    grace: Annotated[float, typer.Option(min=0.1, help="Seconds that accepted requests get after SIGTERM.")] = 30,
    token_file: Annotated[
        Path | None, typer.Option(help="File with the token that clients must send; or set NETRAL_TOKEN.")
    ] = None,
    origin: Annotated[
        list[str] | None, typer.Option(help="Web origin that may call the API from a browser; can be repeated.")
    ] = None,
) -> None:
    """Label articles and sentences over HTTP; SIGHUP takes a new checkpoint."""
    with user_errors(missing="check its name"):
        from pipeline.apps.serve.server import serve
        from pipeline.apps.serve.settings import Settings, read_token
        from pipeline.classifier.cpus import usable_cpus

        serve(
            Settings(
                checkpoint=checkpoint,
                host=host,
                port=port,
                workers=workers or usable_cpus(),
                queue_tokens=queue_tokens,
                queue_seconds=queue_seconds,
                deadline=deadline,
                grace=grace,
                token=read_token(token_file),
                origins=tuple(origin or ()),
            )
        )


@app.command()
def pretrain(
    text: Annotated[
        list[str],
        typer.Argument(
            metavar="TEXT...", help="Plain text, a paragraph a line: .txt, .xz, .zst. PATH@0.5 uses half of a file."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the new encoder.")] = Path("models/encoder"),
    encoder: Annotated[
        str | None, typer.Option("--from", help="Go on with this encoder, a folder or a name on the hub.")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Commit of an encoder on the hub.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="Shape and schedule; configs/pretrain.yaml, with --from configs/adapt.yaml.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Time to train, over all runs; 45, or that of the run to resume.")
    ] = None,
    tokens: Annotated[
        int | None, typer.Option(min=1, help="Instead: tokens to read, which gives the same encoder every time.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on with an unfinished run.")] = False,
    track: Annotated[bool, typer.Option(help="Log to MLflow, at MLFLOW_TRACKING_URI or mlflow.db.")] = False,
) -> None:
    """Train a compact encoder, tokenizer included, on plain text; or go on with a published one."""
    with user_errors(missing="check its name"), ExitStack() as stack:
        try:
            from pipeline.training.pretrain.budget import Budget
            from pipeline.training.pretrain.config import AdaptConfig, PretrainConfig
            from pipeline.training.pretrain.loop import Report
            from pipeline.training.pretrain.pretrain import adapt, pretrain, unobserved
        except ModuleNotFoundError as error:
            raise InputError(
                f"pretraining needs '{error.name}'; install it with: pip install 'netral[train]'"
            ) from None
        from pipeline.config import load_config
        from pipeline.training.pretrain.text import TextSource

        if revision and not encoder:
            raise InputError("--revision is of an encoder to go on with; name it with --from")

        def observe(begun: Mapping[str, Any]) -> Report:
            """Open an MLflow run, or go on with the one of the run that is resumed."""
            from pipeline import tracking

            note = out.with_name(out.name + ".pretrain") / "mlflow_run"
            run_id = note.read_text() if note.exists() else None
            diary = stack.enter_context(tracking.diary(run_id, f"pretrain {out.name}", {"command": "pretrain"}))
            note.write_text(diary.run_id)
            diary.parameters({name: begun[name] for name in ("config", "encoder", "budget")})
            diary.parameters({f"text{number}": source for number, source in enumerate(begun["text"])})
            return lambda step, figures: diary.metrics(figures, step)

        sources = [TextSource.parse(name) for name in text]
        watch = observe if track else unobserved
        budget = Budget(minutes, tokens) if minutes or tokens else None
        if encoder is None:
            settings = load_config(config or Path("configs/pretrain.yaml"), PretrainConfig)
            pretrain(sources, out, settings, budget, resume, watch)
        else:
            schedule = load_config(config or Path("configs/adapt.yaml"), AdaptConfig)
            adapt(encoder, revision, sources, out, schedule, budget, resume, watch)


if __name__ == "__main__":
    app()
