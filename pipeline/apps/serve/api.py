"""``/v1``, health and metrics."""

import orjson
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from pipeline.apps.serve.answer import classify
from pipeline.apps.serve.bodies import json_route
from pipeline.apps.serve.problems import responses
from pipeline.apps.serve.schema import ClassifyIn, ClassifyOut, StatusOut
from pipeline.apps.serve.service import Service
from pipeline.classifier.checkpoint import Manifest

CLASSIFY = "/v1/classify"


def api_routes(service: Service) -> APIRouter:
    """Return the routes that work on ``service``."""
    routes = APIRouter(route_class=json_route(service))

    @routes.post(
        CLASSIFY,
        summary="Classify articles or sentences",
        response_model=ClassifyOut,
        responses=responses(401, 408, 413, 415, 422, 429, 431, 500, 503, 504),
    )
    async def classify_texts(request: Request, body: ClassifyIn) -> Response:
        """Label every sentence of the articles, or the sentences as they are. One checkpoint gives the whole answer."""
        return Response(orjson.dumps(await classify(request, service, body)), media_type="application/json")

    @routes.get("/v1/checkpoint", summary="The checkpoint that answers", responses=responses(401, 431, 503))
    async def checkpoint() -> Manifest:
        """Return its manifest: version, labels with names and colours, thresholds, metrics, hashes of its files."""
        return service.manifest

    @routes.get("/healthz", summary="Is the server alive", responses=responses(431))
    async def healthz() -> StatusOut:
        return StatusOut(status="alive")

    @routes.get("/readyz", summary="Would a request be worked on", responses=responses(431, 503))
    async def readyz() -> StatusOut:
        """Answer 503 until the checkpoint is loaded and warm, while all workers are lost, and once the server stops."""
        if not service.ready:
            raise service.not_ready()
        return StatusOut(status="ready")

    @routes.get("/metrics", summary="Metrics for Prometheus", response_class=Response, responses=responses(401, 431))
    async def metrics() -> Response:
        return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return routes
