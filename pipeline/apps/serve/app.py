"""The web application: every route, behind the same guard."""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from pipeline.apps.serve.api import api_routes
from pipeline.apps.serve.description import describe
from pipeline.apps.serve.guard import Guard
from pipeline.apps.serve.open_inference import open_inference_routes
from pipeline.apps.serve.page.routes import page_routes
from pipeline.apps.serve.problems import answer_problems
from pipeline.apps.serve.reference import reference_routes
from pipeline.apps.serve.service import Service


def create_app(service: Service) -> FastAPI:
    """Return the application that works on ``service``; whoever runs it starts and closes the service."""
    app = FastAPI(
        title="netral",
        version="1",
        summary="Labels the sentences of Indonesian election news by what they ask of the civil service.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    answer_problems(app)
    app.include_router(api_routes(service))
    app.include_router(open_inference_routes(service))
    app.include_router(reference_routes(app))
    app.include_router(page_routes(service))
    describe(app, token=service.settings.token is not None)
    app.add_middleware(Guard, service=service)
    if service.settings.origins:
        # Outside the guard, so that a browser may read its refusals.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=service.settings.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After"],
        )
    return app
