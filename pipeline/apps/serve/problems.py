"""Errors as problem details (RFC 9457). Pointers name the field; nothing else repeats what was sent."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from pipeline.apps.serve.pointers import UNKNOWN

MEDIA_TYPE = "application/problem+json"
CHALLENGE = {"WWW-Authenticate": "Bearer"}
_RETRY = {
    "Retry-After": {
        "description": "Seconds until it is worth another try.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    }
}
# For OpenAPI, by status.
HEADERS_OF: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"required": True, "schema": {"type": "string", "const": CHALLENGE["WWW-Authenticate"]}}},
    429: _RETRY,
    503: _RETRY,
}


class FieldError(BaseModel):
    """What is wrong with one place of the request."""

    detail: str
    pointer: str = Field(description="JSON pointer into the body, or the name of a parameter.")


class ProblemOut(BaseModel):
    """Problem details of RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldError] | None = Field(
        default=None, description="With status 422: the fields that are wrong, the first hundred of them."
    )


class Problem(Exception):  # noqa: N818
    """A request that is not answered, and why."""

    def __init__(
        self,
        status: int,
        detail: str,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.errors = errors

    def response(self, path: str) -> Response:
        """Return the answer. Under ``/v2`` it also has the member that the Open Inference Protocol prescribes."""
        content: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            content["errors"] = [{"pointer": pointer, "detail": detail} for pointer, detail in self.errors]
        if path.startswith("/v2"):
            content["error"] = self.detail
        return Response(orjson.dumps(content), self.status, self.headers, MEDIA_TYPE)


def refused_fields(wrong: Sequence[tuple[str, str]], count: int) -> Problem:
    """Name the fields that were found wrong, as pointer and detail, and how many there are in all."""
    pointer, detail = wrong[0]
    # A name that we do not know is the client's.
    place = pointer.rpartition("/")[0] if detail == UNKNOWN else pointer
    return Problem(422, f"{place}: {detail}" + (f" (and {count - 1} more)" if count > 1 else ""), None, wrong)


def refused_field(pointer: str, detail: str) -> Problem:
    """Name one field that was found wrong."""
    return refused_fields([(pointer, detail)], 1)


def answer_problems(app: FastAPI) -> None:
    """Answer all errors of ``app`` as problem details."""

    @app.exception_handler(Problem)
    async def known(request: Request, problem: Problem) -> Response:
        return problem.response(request.url.path)

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> Response:
        detail = {
            404: "there is nothing at this path; /docs lists what there is",
            405: "this path takes another method; /docs lists them",
        }.get(error.status_code, HTTPStatus(error.status_code).description)
        headers = dict(error.headers or {})
        if "GET" in headers.get("Allow", ""):
            headers["Allow"] += ", HEAD"
        return Problem(error.status_code, detail, headers).response(request.url.path)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems of a route for OpenAPI."""
    return {
        status: {"description": HTTPStatus(status).phrase, "model": ProblemOut}
        | ({"headers": HEADERS_OF[status]} if status in HEADERS_OF else {})
        for status in statuses
    }
