"""JSON bodies to models: small ones at once, large ones by a worker, so that the server never stands still over them."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, get_type_hints

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from pipeline.apps.serve.answer import answered
from pipeline.apps.serve.pointers import wrong_fields
from pipeline.apps.serve.problems import refused_fields
from pipeline.apps.serve.queue import CHARACTERS_PER_TOKEN
from pipeline.apps.serve.service import Service

M = TypeVar("M", bound=BaseModel)
# The worst of so many bytes takes some milliseconds; the worst of the two million that may come, hundreds.
QUICK_BYTES = 32 * 2**10
# Pages are little text. To read so many bytes of one takes a worker at most about as long as to classify a word piece.
PAGE_BYTES_PER_TOKEN = 32


def json_route(service: Service) -> type[APIRoute]:
    """Return a class of routes whose ``body`` pydantic reads from bytes, which FastAPI would first make Python objects of."""

    class JsonRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            endpoint = self.endpoint
            model: type[BaseModel] | None = get_type_hints(endpoint).get("body")
            if model is None:
                return super().get_route_handler()

            async def handle(request: Request) -> Response:
                content = await request.body()
                if len(content) > QUICK_BYTES:
                    body = await _read_by_worker(request, service, content, model)
                else:
                    body = _read(content, model)
                response: Response = await endpoint(request=request, body=body, **request.path_params)
                return response

            return handle

    return JsonRoute


def _read(content: bytes, model: type[M]) -> M:
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        raise refused_fields(wrong_fields(errors), len(errors)) from None


async def _read_by_worker(request: Request, service: Service, content: bytes, model: type[M]) -> M:
    tokens = reading_tokens(len(content), service)
    found, _ = await answered(request, service, tokens, lambda pool: pool.read(content, model.__name__))
    if "wrong" in found:
        raise refused_fields(found["wrong"], found["count"])
    return model.model_validate(found["valid"])


def reading_tokens(size: int, service: Service, kind: str = "json") -> int:
    """Estimate the word pieces in ``size`` bytes that nobody has read yet, so that they have a place when they are counted.

    Whatever the body limit lets in has room in an empty queue: much of it may be what is ignored.

    Args:
        kind: ``html``, of which most is markup, or anything else, which is taken for text.
    """
    rate = PAGE_BYTES_PER_TOKEN if kind == "html" else CHARACTERS_PER_TOKEN
    return min(size // rate, service.settings.queue_tokens)
