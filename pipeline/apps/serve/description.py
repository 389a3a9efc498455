"""The OpenAPI description: what FastAPI makes of the routes, and what they have in common."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from pipeline.apps.serve.guard import needs_token
from pipeline.apps.serve.problems import MEDIA_TYPE

_SCHEME = "bearer"


def describe(app: FastAPI, token: bool) -> None:
    """Let ``app`` describe itself with the token, which its guard asks for if there is one, and with errors as they are sent."""

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            found = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
            found["components"]["securitySchemes"] = {
                _SCHEME: {"type": "http", "scheme": "bearer", "description": "The token of a server that has one."}
            }
            for path, operations in found["paths"].items():
                for operation in operations.values():
                    if needs_token(path):
                        operation["security"] = [{_SCHEME: []}] if token else [{}, {_SCHEME: []}]
                    for status, answer in operation["responses"].items():
                        if status >= "400":
                            answer["content"] = {MEDIA_TYPE: answer["content"]["application/json"]}
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
