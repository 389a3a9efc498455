"""The server that everybody writes first: FastAPI around ``transformers.pipeline``. ``serving.py`` compares with it.

python benchmarks/serving_plain.py CHECKPOINT PORT
"""

import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import pipeline


class Sentences(BaseModel):
    texts: list[str]


def main(checkpoint: str, port: int) -> None:
    app = FastAPI()
    classify = pipeline("text-classification", checkpoint, top_k=None, truncation=True, device="cpu")

    @app.post("/classify")
    def answer(sentences: Sentences) -> list[list[dict[str, str | float]]]:
        return classify(sentences.texts)  # type: ignore[no-any-return]

    uvicorn.run(app, port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
