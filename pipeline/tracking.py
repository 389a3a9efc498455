"""MLflow: a diary of runs. Only this module, and the model that it logs, import mlflow.

Nothing here is read back to work with. A tracking server that is down at the start stops a stage; one that dies later
costs the log, never the work.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")

import mlflow
import pandas as pd
import requests
import sqlalchemy.exc
from mlflow.data.pandas_dataset import from_pandas
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, DataType, Schema, TensorSpec

from pipeline.errors import InputError

EXPERIMENT = "netral"
REGISTERED = "netral"
DEFAULT_STORE = "sqlite:///mlflow.db"
# What a server that works says of an entry that it will not take, for instance a parameter that has another value already.
_REFUSALS = {"INVALID_PARAMETER_VALUE", "BAD_REQUEST"}
_TROUBLE = (MlflowException, requests.RequestException, sqlalchemy.exc.SQLAlchemyError, OSError)


class Diary:
    """One MLflow run, written to as long as the server answers."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self._client = mlflow.MlflowClient()
        self._lost = False

    @contextmanager
    def _entry(self) -> Iterator[None]:
        """Give up writing, with one line, once the server fails; what it refuses costs that entry alone."""
        try:
            yield
        except _TROUBLE as error:
            if isinstance(error, MlflowException) and error.error_code in _REFUSALS:
                print(f"netral: tracking refuses an entry, work goes on: {_reason(error)}", file=sys.stderr)
                return
            if not self._lost:
                print(f"netral: tracking is lost from here on, work goes on: {_reason(error)}", file=sys.stderr)
            self._lost = True

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Log ``values``, nested ones under dotted names."""
        if not self._lost:
            with self._entry():
                self._client.log_batch(
                    self.run_id,
                    params=[mlflow.entities.Param(key, str(value)[:500]) for key, value in flatten(values).items()],
                )

    def tags(self, values: Mapping[str, Any]) -> None:
        """Set ``values`` as tags, nested ones under dotted names; unlike parameters, tags may change."""
        if not self._lost:
            with self._entry():
                for key, value in flatten(values).items():
                    self._client.set_tag(self.run_id, key, str(value))

    def metrics(self, values: Mapping[str, Any], step: int = 0) -> None:
        """Log the numbers among ``values``, nested ones under dotted names."""
        if not self._lost:
            numbers = {key: value for key, value in flatten(values).items() if isinstance(value, int | float)}
            now = int(pd.Timestamp.now().timestamp() * 1000)
            with self._entry():
                self._client.log_batch(
                    self.run_id,
                    metrics=[mlflow.entities.Metric(key, float(value), now, step) for key, value in numbers.items()],
                )

    def artifacts(self, folder: Path, under: str | None = None) -> None:
        if not self._lost:
            with self._entry():
                self._client.log_artifacts(self.run_id, str(folder), under)

    def dataset(self, frames: Mapping[str, pd.DataFrame], digest: str) -> None:
        """Log each split as a dataset input of this version."""
        if not self._lost:
            with self._entry():
                for name, frame in frames.items():
                    entry = from_pandas(frame, name=f"netral-{name}", digest=digest[:12])
                    mlflow.log_input(entry, context=name)

    def checkpoint(self, folder: Path, code: Path, example: pd.DataFrame, labels: list[str]) -> str | None:
        """Log the checkpoint in ``folder`` as a ``PythonModel`` and register it; return its version in the registry.

        The transformers flavor would return only the top label of each sentence, so the model is given as code.
        """
        if self._lost:
            return None
        outputs: list[ColSpec | TensorSpec] = [
            ColSpec(DataType.string, "text"),
            ColSpec(DataType.string, "labels"),
            *(ColSpec(DataType.double, f"score_{label}") for label in labels),
        ]
        signature = ModelSignature(inputs=Schema([ColSpec(DataType.string, "text")]), outputs=Schema(outputs))
        with self._entry():
            logged = mlflow.pyfunc.log_model(
                name="checkpoint",
                python_model=str(code),
                artifacts={"checkpoint": str(folder)},
                code_paths=[str(Path(__file__).parent)],
                signature=signature,
                input_example=example,
                registered_model_name=REGISTERED,
                pip_requirements=[f"{name}=={version}" for name, version in serving_requirements().items()],
            )
            return str(logged.registered_model_version)
        return None


def serving_requirements() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("onnxruntime", "tokenizers", "numpy", "pandas", "pydantic", "ruamel.yaml")}


@contextmanager
def diary(run_id: str | None = None, name: str | None = None, tags: Mapping[str, str] | None = None) -> Iterator[Diary]:
    """Open a run, or go on with the run ``run_id``; a new one is opened if that is not to be found.

    Raises:
        InputError: the tracking server, ``MLFLOW_TRACKING_URI`` or the local file, cannot be used.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_STORE
    mlflow.set_tracking_uri(uri)
    try:
        mlflow.set_experiment(EXPERIMENT)
        if run_id is not None and not _exists(run_id):
            run_id = None
        run = mlflow.start_run(run_id=run_id, run_name=name, tags=dict(tags or {}), log_system_metrics=False)
    except (*_TROUBLE, ImportError) as error:  # a database address without its driver
        raise InputError(
            f"the MLflow tracking server at {_without_secrets(uri)} cannot be used ({_reason(error)}); "
            "start it, or unset MLFLOW_TRACKING_URI"
        ) from None
    entry = Diary(run.info.run_id)
    status = "FAILED"
    try:
        yield entry
        status = "FINISHED"
    finally:
        with entry._entry():
            mlflow.end_run(status)


def _reason(error: Exception) -> str:
    """Return what ``error`` says, in one short line."""
    return _without_secrets(" ".join(str(error).split()))[:200]


def _without_secrets(text: str) -> str:
    """Return ``text`` without the user, password and query of the addresses in it."""
    return re.sub(r"(?<=://)[^/\s]*@|(?<=\S)\?\S*=\S*", "", text)


def _exists(run_id: str) -> bool:
    try:
        mlflow.get_run(run_id)
    except MlflowException:
        return False
    return True


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one, keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
