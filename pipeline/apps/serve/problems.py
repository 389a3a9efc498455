"""Errors as problem details (RFC 9457). They name the field, and never repeat what was sent."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

# Of one answer; how many more there are is said.
LISTED_ERRORS = 100
# Of a field's name that comes back: it may be as long as the body.
STEP_CHARACTERS = 100
MEDIA_TYPE = "application/problem+json"


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


def refused_fields(error: RequestValidationError) -> Problem:
    """Name the fields that were found wrong, and how many there are."""
    errors = []
    found = error.errors()
    for problem in found[:LISTED_ERRORS]:
        place = list(problem["loc"])
        if problem["type"] == "json_invalid":
            errors.append(("#", f"is not JSON: {problem['ctx']['error']}, at character {place[-1]}"))
        elif place[0] == "body":
            errors.append(("#" + "".join(f"/{_escape(str(step))}" for step in place[1:]), _sentence(problem)))
        else:
            errors.append((str(place[-1]), _sentence(problem)))
    pointer, detail = errors[0]
    return Problem(422, f"{pointer}: {detail}" + (f" (and {len(found) - 1} more)" if found[1:] else ""), None, errors)


def refused_field(pointer: str, detail: str) -> Problem:
    """Name one field that was found wrong."""
    return Problem(422, f"{pointer}: {detail}", None, [(pointer, detail)])


def _sentence(problem: Mapping[str, Any]) -> str:
    # Errors of our own validators come as "Value error, …".
    return str(problem["msg"]).removeprefix("Value error, ")


def _escape(step: str) -> str:
    cut = step if len(step) <= STEP_CHARACTERS else f"{step[:STEP_CHARACTERS]}…"
    return cut.replace("~", "~0").replace("/", "~1")


def answer_problems(app: FastAPI) -> None:
    """Answer all errors of ``app`` as problem details."""

    @app.exception_handler(Problem)
    async def known(request: Request, problem: Problem) -> Response:
        return problem.response(request.url.path)

    @app.exception_handler(RequestValidationError)
    async def wrong(request: Request, error: RequestValidationError) -> Response:
        return refused_fields(error).response(request.url.path)

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> Response:
        if error.status_code == 400:  # raised for a body that is not even text
            return refused_field("#", "is not JSON in UTF-8").response(request.url.path)
        detail = {
            404: "there is nothing at this path; /docs lists what there is",
            405: "this path takes another method; /docs lists them",
        }.get(error.status_code, HTTPStatus(error.status_code).description)
        return Problem(error.status_code, detail, error.headers).response(request.url.path)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems of a route for OpenAPI."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "model": ProblemOut, "content": content}
        for status in statuses
    }
