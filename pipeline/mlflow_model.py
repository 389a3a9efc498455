"""The checkpoint as an MLflow ``PythonModel``: every label, where the transformers flavor gives only one.

MLflow runs this file as code when it loads the model; nothing is pickled.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from pipeline.classifier.predict import Classifier


class NetralModel(PythonModel):
    """A column ``text`` in; ``text``, ``labels`` (joined by ``|``) and ``score_<label>`` out, a row for each row in.

    So does ``mlflow.pyfunc.spark_udf``, which gives it Spark's columns in batches. A missing text is an empty one.
    """

    def load_context(self, context: PythonModelContext) -> None:
        self.classifier = Classifier(Path(context.artifacts["checkpoint"]))

    # MLflow looks for all of these arguments by name.
    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> pd.DataFrame:
        texts = ["" if pd.isna(text) else str(text) for text in model_input["text"]]
        scores = self.classifier.score(texts)
        columns = {
            f"score_{name}": scores.probabilities[:, i].astype(float)
            for i, name in enumerate(self.classifier.manifest.names)
        }
        return pd.DataFrame(
            {"text": texts, "labels": ["|".join(given) for given in self.classifier.labels(scores)], **columns},
            index=model_input.index,
        )


set_model(NetralModel())
