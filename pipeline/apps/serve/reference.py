"""``/docs``: the OpenAPI description as one page, which needs no script and no other server."""

import base64
import hashlib
import json
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem; color: #1b1b1b; background: #fff; }
h2, h3 { border-top: 1px solid #767676; padding-top: 1rem; }
code, pre { font: 14px/1.5 ui-monospace, monospace; background: #f2f2f2; }
pre { padding: .75rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .5rem; border-bottom: 1px solid #ccc; overflow-wrap: anywhere; }
.method { font-weight: bold; text-transform: uppercase; }
"""
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
# What a schema may demand of a value, and how that is said.
_LIMITS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "pattern": "matching {}",
    "const": "'{}'",
    "default": "by default {}",
}


def reference_routes(app: FastAPI) -> APIRouter:
    """Return the route of the page that describes ``app``."""
    routes = APIRouter()
    templates = Environment(loader=PackageLoader(__package__), autoescape=True)
    templates.filters |= {"kind": kind, "limits": limits, "curl": curl}

    @routes.get("/docs", include_in_schema=False)
    async def reference() -> Response:
        page = templates.get_template("reference.html").render(api=app.openapi(), style=Markup(STYLE))
        return Response(page, media_type="text/html", headers={"Content-Security-Policy": _POLICY})

    return routes


def kind(schema: dict[str, Any]) -> Markup:
    """Name the type of a value; schemas of their own are links into the page."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return Markup('<a href="#{0}">{0}</a>').format(name)
    if "allOf" in schema:
        return kind(schema["allOf"][0])
    if "anyOf" in schema:
        return Markup(" or ").join(kind(choice) for choice in schema["anyOf"])
    if schema.get("type") == "array":
        return Markup("list of {}").format(kind(schema.get("items") or (schema.get("prefixItems") or [{}])[0]))
    if isinstance(schema.get("additionalProperties"), dict):
        return Markup("object of {}").format(kind(schema["additionalProperties"]))
    if "enum" in schema:
        return Markup(" or ").join(escape(f"'{value}'") for value in schema["enum"])
    return escape(schema.get("type", "anything"))


def limits(schema: dict[str, Any]) -> str:
    """Say what a value must keep to."""
    known = dict(schema)
    for choice in schema.get("anyOf", ()):
        known |= {key: value for key, value in choice.items() if key not in known}
    return ", ".join(
        said.format(known[key]) for key, said in _LIMITS.items() if known.get(key) not in (None, [], False)
    )


def curl(path: str, schemas: dict[str, Any], operation: dict[str, Any]) -> str:
    """Return a command that calls the operation, with the example of its schema."""
    line = f"curl http://127.0.0.1:8000{path}"
    if "requestBody" not in operation:
        return line
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    example = json.dumps(schemas[name]["examples"][0], ensure_ascii=False)
    return f"{line} -H 'Content-Type: application/json' -d '{example}'"
