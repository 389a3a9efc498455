"""One process with one thread of the model: messages in, messages out, until the pipe ends.

The server starts it as ``python -m pipeline.apps.serve.worker CHECKPOINT SECONDS``. What goes wrong in a job ends the process; the
server then starts another.
"""

import gc
import logging
import os
import signal
import sys
import warnings
from pathlib import Path
from types import TracebackType

from pydantic import BaseModel, ValidationError

from pipeline.apps.serve.frames import Message, pack, read
from pipeline.apps.serve.logs import describe
from pipeline.apps.serve.page.intake import Kind, UnreadableError, read_articles, told
from pipeline.apps.serve.pointers import wrong_fields
from pipeline.apps.serve.schema import ClassifyIn
from pipeline.apps.serve.tensors import InferIn
from pipeline.classifier.predict import Classifier
from pipeline.corpus.records import Article
from pipeline.corpus.segment import segment
from pipeline.errors import InputError

# Bodies of requests that may be too large to be read by the server itself.
MODELS: dict[str, type[BaseModel]] = {model.__name__: model for model in (ClassifyIn, InferIn)}
# So that the server, which decides in microseconds, need not wait for a core until a batch is done. More would leave too
# little to a worker where others compute on the same machine.
NICENESS = 2
# Records that the page cannot read and says so, one by one.
LISTED_REJECTS = 20


def main(folder: Path, document_seconds: float) -> None:
    """Load the checkpoint, say so, and answer jobs. The first message out has ``manifest``, or ``refused`` and a reason."""
    # The server says when to stop, by closing the pipe; a signal to the whole group must not overtake it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.excepthook = _log_without_texts
    # What libraries warn of may quote a text.
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    os.nice(NICENESS)
    # Whatever a library prints goes to the log, not between the messages.
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    try:
        classifier = Classifier(folder)
        classifier.score(["pemanasan", "Pegawai diminta menjaga netralitas selama tahapan pemilihan."])
    except InputError as error:
        answers.write(pack({"refused": str(error)}))
        return
    # What stays for good is not looked through for garbage.
    gc.freeze()
    _send(answers.fileno(), {"manifest": classifier.manifest.model_dump(mode="json")})
    while (job := read(sys.stdin.buffer)) is not None:
        # Over time, SIGPROF ends the process: no parser in C would listen to anything less.
        signal.setitimer(signal.ITIMER_PROF, 0 if "texts" in job else document_seconds)
        found = answer(job, classifier)
        signal.setitimer(signal.ITIMER_PROF, 0)
        _send(answers.fileno(), found)


def answer(job: Message, classifier: Classifier) -> Message:
    """Do one job: ``{"article": {"title", "text"}}`` is split, ``{"content", "kind"}`` read, ``{"texts": […]}`` are scored."""
    if "content" in job:
        content, kind = job["content"].encode("latin-1"), job["kind"]
        return read_body(content, MODELS[kind]) if kind in MODELS else read_document(content, kind)
    if "article" in job:
        found = segment(Article(id="-", **job["article"]), classifier.manifest.segmentation)
        return {
            "sentences": [[part.field, part.start, part.end, part.text] for part in found.sentences],
            "removed": [[part.field, part.start, part.end, part.reason] for part in found.removed],
        }
    scores = classifier.score(job["texts"])
    return {
        "scores": scores.probabilities.astype(float).round(6).tolist(),
        "labels": classifier.labels(scores),
        "truncated": scores.truncated.tolist(),
    }


def read_body(content: bytes, model: type[BaseModel]) -> Message:
    """Return the fields of a JSON body, or how many are wrong and what is wrong with the first."""
    try:
        return {"valid": model.model_validate_json(content).model_dump(mode="json")}
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        return {"wrong": wrong_fields(errors), "count": len(errors)}


def read_document(content: bytes, kind: Kind) -> Message:
    """Return the articles in ``content``, how many records were rejected and what is wrong with the first; or why it is unreadable."""
    try:
        articles, rejects = read_articles(content, kind)
    except UnreadableError as error:
        return {"unreadable": {"name": error.name, "detail": error.detail, "limit": error.limit}}
    return {
        "articles": [article.model_dump(mode="json") for article in articles],
        "rejected": len(rejects),
        "rejects": [told(reject) for reject in rejects[:LISTED_REJECTS]],
    }


def _send(pipe: int, message: Message) -> None:
    content = memoryview(pack(message))
    while content:
        content = content[os.write(pipe, content) :]


def _log_without_texts(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    print(f"netral worker: {describe(error)}", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
