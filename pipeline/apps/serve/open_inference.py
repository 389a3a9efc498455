"""``/v2``: the Open Inference Protocol, as KServe and its clients speak it.

One input, ``text`` of type ``BYTES``; two outputs, ``probabilities`` of type ``FP32`` with a column per label, and ``truncated``
of type ``BOOL``. https://github.com/kserve/open-inference-protocol
"""

from importlib.metadata import version as version_of
from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Request, Response

from pipeline.apps.serve.answer import answered, classify_sentences, sentence_tokens
from pipeline.apps.serve.bodies import json_route
from pipeline.apps.serve.problems import Problem, refused_field, responses
from pipeline.apps.serve.schema import SENTENCE_CHARACTERS
from pipeline.apps.serve.service import Service
from pipeline.apps.serve.tensors import (
    InferIn,
    InferOut,
    InputTensor,
    LiveOut,
    ModelOut,
    ModelReadyOut,
    ReadyOut,
    ServerOut,
    TensorOut,
)
from pipeline.classifier.checkpoint import Manifest

MODEL = "netral"
# Others are not found. It is said to readers of the description alone, who would otherwise guess.
ModelName = Annotated[str, Path(json_schema_extra={"const": MODEL})]
PROBABILITIES, TRUNCATED = "probabilities", "truncated"
OF_MODEL, OF_VERSION = "/v2/models/{model}", "/v2/models/{model}/versions/{version}"
INFER, INFER_WITH_VERSION = f"{OF_MODEL}/infer", f"{OF_VERSION}/infer"


def open_inference_routes(service: Service) -> APIRouter:
    """Return the routes of the protocol that work on ``service``."""
    routes = APIRouter(tags=["Open Inference Protocol"], route_class=json_route(service))
    asked = responses(401, 404, 422, 431, 503)
    probed = responses(404, 422, 431, 503)
    worked = responses(401, 404, 408, 413, 415, 422, 429, 431, 500, 503, 504)

    @routes.get("/v2", summary="Server metadata", responses=responses(401, 431))
    async def server() -> ServerOut:
        return ServerOut(name=MODEL, version=version_of(MODEL), extensions=[])

    @routes.get("/v2/health/live", summary="Is the server alive", responses=responses(431))
    async def live() -> LiveOut:
        return LiveOut(live=True)

    @routes.get("/v2/health/ready", summary="Would a request be worked on", responses=responses(431, 503))
    async def ready() -> ReadyOut:
        _demand_ready(service)
        return ReadyOut(ready=True)

    @routes.get(OF_MODEL, summary="Model metadata", responses=asked)
    async def model(model: ModelName) -> ModelOut:
        return _describe(service, model)

    @routes.get(OF_VERSION, summary="Model metadata, of one version", responses=asked)
    async def model_version(model: ModelName, version: str) -> ModelOut:
        return _describe(service, model, version)

    @routes.get(OF_MODEL + "/ready", summary="Is the model ready", responses=probed)
    async def model_ready(model: ModelName) -> ModelReadyOut:
        return _readiness(service, model)

    @routes.get(OF_VERSION + "/ready", summary="Is this version ready", responses=probed)
    async def version_ready(model: ModelName, version: str) -> ModelReadyOut:
        return _readiness(service, model, version)

    @routes.post(INFER, summary="Infer", response_model=InferOut, responses=worked)
    async def infer(request: Request, model: ModelName, body: InferIn) -> Response:
        return await _infer(request, service, body, model)

    @routes.post(INFER_WITH_VERSION, summary="Infer with one version", response_model=InferOut, responses=worked)
    async def infer_with(request: Request, model: ModelName, version: str, body: InferIn) -> Response:
        return await _infer(request, service, body, model, version)

    return routes


def _demand_ready(service: Service) -> None:
    if not service.ready:
        raise service.not_ready()


def _demand_model(service: Service, model: str, version: str | None) -> Manifest:
    """Return the manifest; refuse another model or version with 404."""
    manifest = service.manifest
    if model != MODEL:
        raise Problem(404, f"there is no such model; there is '{MODEL}'")
    if version not in (None, manifest.version):
        raise Problem(404, f"there is no such version; there is '{manifest.version}'")
    return manifest


def _readiness(service: Service, model: str, version: str | None = None) -> ModelReadyOut:
    _demand_ready(service)
    _demand_model(service, model, version)
    return ModelReadyOut(name=MODEL, ready=True)


def _describe(service: Service, model: str, version: str | None = None) -> ModelOut:
    manifest = _demand_model(service, model, version)
    return ModelOut(
        name=MODEL,
        versions=[manifest.version],
        platform="onnxruntime_onnx",
        inputs=[TensorOut(name="text", datatype="BYTES", shape=[-1])],
        outputs=[
            TensorOut(name=PROBABILITIES, datatype="FP32", shape=[-1, len(manifest.names)]),
            TensorOut(name=TRUNCATED, datatype="BOOL", shape=[-1]),
        ],
    )


async def _infer(request: Request, service: Service, body: InferIn, model: str, version: str | None = None) -> Response:
    manifest = _demand_model(service, model, version)
    texts = _texts(body.inputs[0])
    tokens = sentence_tokens(texts, manifest)
    rows, manifest = await answered(request, service, tokens, lambda pool: classify_sentences(pool, texts))
    service.metrics.count(rows)
    outputs = {
        PROBABILITIES: {
            "name": PROBABILITIES,
            "datatype": "FP32",
            "shape": [len(rows), len(manifest.names)],
            "parameters": {"labels": ",".join(manifest.names)},
            "data": [score for row in rows for score in row["scores"].values()],
        },
        TRUNCATED: {
            "name": TRUNCATED,
            "datatype": "BOOL",
            "shape": [len(rows)],
            "data": [row["truncated"] for row in rows],
        },
    }
    content = {
        "model_name": MODEL,
        "model_version": manifest.version,
        "outputs": [outputs[output.name] for output in body.outputs] or list(outputs.values()),
    }
    if body.id is not None:
        content["id"] = body.id
    return Response(orjson.dumps(content), media_type="application/json")


def _texts(tensor: InputTensor) -> list[str]:
    """Return the sentences of the input, whose shape must say how many there are."""
    texts = list(tensor.data)
    if tensor.shape not in ((len(texts),), (len(texts), 1)):
        expected = f"[{len(texts)}] or [{len(texts)}, 1], as many as there are data"
        raise refused_field("#/inputs/0/shape", f"expected {expected}")
    for place, text in enumerate(texts):
        if not 0 < len(text) <= SENTENCE_CHARACTERS:
            raise refused_field(f"#/inputs/0/data/{place}", f"expected 1 to {SENTENCE_CHARACTERS} characters")
    if not texts:
        raise refused_field("#/inputs/0/data", "expected at least one sentence")
    return texts
