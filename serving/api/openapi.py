"""The OpenAPI 3.1 document, made from the routes and their messages: what no route says is not in it."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pydantic import BaseModel, Field, create_model
from pydantic.json_schema import models_json_schema

from serving.api.routing import Route
from serving.messages import Problem

EVERYWHERE = (401, 403, 429, 500, 503)  # of every route that needs a key
REFERENCE = "#/components/schemas/{model}"
TITLE = "forewarn"
DESCRIPTION = (
    "Churn probabilities with reasons that add up to them. Every prediction stands in an append-only ledger before it "
    "leaves. Errors are RFC 9457 problem details with every fault of the request."
)
HEADERS = {
    "X-Request-Id": ("string", "Of this request; also in the ledger and the log. Send one to set it."),
    "RateLimit-Limit": ("integer", "Requests a minute of this key."),
    "RateLimit-Remaining": ("integer", "Of these, how many are left."),
    "RateLimit-Reset": ("integer", "Seconds until all of them are there again."),
}
ONCE = (
    "Of your choice, such as a UUID: the same key with the same path and body is answered as the first time, and"
    " nothing is entered again; with another body it is refused with 409. Kept for 24 hours."
)
REPLAYED = {"Idempotent-Replayed": ("string", "`true`: this is the first answer again.")}
RETRY = {"Retry-After": ("integer", "Seconds to wait before the next try.")}


def document(routes: Sequence[Route], horizons_days: Sequence[int]) -> dict[str, Any]:
    """The document of these routes.

    Parameters
    ----------
    routes : sequence of Route
    horizons_days : sequence of int
        Of the predictions: each has a field of its own.

    Returns
    -------
    dict
        OpenAPI 3.1, with every message under components.schemas.
    """
    messages: set[type[BaseModel]] = {Problem}
    messages |= {model for route in routes for model in (route.takes, route.gives) if model is not None}
    ordered = sorted(messages, key=lambda model: model.__name__)
    _, body = models_json_schema(
        [(model, "serialization" if model in _given(routes) else "validation") for model in ordered],
        ref_template=REFERENCE,
    )
    schemas: dict[str, Any] = body.get("$defs", {})
    if "Prediction" in schemas:
        schemas["Prediction"] = _with_horizons(schemas["Prediction"], horizons_days)
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": _version(), "description": DESCRIPTION, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "fw_<id>_<secret>",
                    "description": "A key of `forewarn keys create --role ROLE`. Roles that may call a route: x-roles.",
                }
            },
        },
    }


def _given(routes: Sequence[Route]) -> set[type[BaseModel]]:
    return {Problem, *(route.gives for route in routes if route.gives is not None)}


def _with_horizons(schema: dict[str, Any], horizons_days: Sequence[int]) -> dict[str, Any]:
    """The schema of a prediction, with the fields whose names carry a horizon."""
    share = (float, Field(ge=0, le=1, description="Probability of churn within so many days."))
    fields: Any = {f"p_churn_{days}d": share for days in horizons_days}
    horizons: type[BaseModel] = create_model("Horizons", **fields)
    named = horizons.model_json_schema()
    properties = {**schema["properties"], **named["properties"]}
    return {**schema, "properties": properties, "required": [*schema["required"], *named["required"]]}


def _operation(route: Route) -> dict[str, Any]:
    name = f"{route.method.lower()}_{route.path.strip('/') or 'index'}"
    operation: dict[str, Any] = {
        "operationId": "".join(letter if letter.isalnum() else "_" for letter in name),
        "summary": route.summary,
        "tags": [route.tag],
        "responses": _responses(route),
    }
    if not route.roles:
        operation["security"] = []
    else:
        operation["x-roles"] = list(route.roles)
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in route.names
    ]
    if route.query is not None:
        parameters += _query_parameters(route.query)
    if route.once:
        schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x21-\\x7e]+$"}
        parameters.append(
            {"name": "Idempotency-Key", "in": "header", "required": False, "schema": schema, "description": ONCE}
        )
    if parameters:
        operation["parameters"] = parameters
    if route.takes is not None:
        content: dict[str, Any] = {"schema": {"$ref": REFERENCE.format(model=route.takes.__name__)}}
        if route.example is not None:
            content["example"] = dict(route.example)
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    return operation


def _query_parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    schema = model.model_json_schema(ref_template=REFERENCE)
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": of.get("description", ""),
            "schema": _without_null(of),
        }
        for name, of in schema["properties"].items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that may be left out cannot be sent as null."""
    kept = {name: value for name, value in schema.items() if name not in ("anyOf", "default", "title", "description")}
    given = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    default = {} if schema.get("default") is None else {"default": schema["default"]}
    return {**kept, **(given[0] if given else {}), **default}


def _responses(route: Route) -> dict[str, Any]:
    schema: dict[str, Any] = {} if route.gives is None else {"$ref": REFERENCE.format(model=route.gives.__name__)}
    right: dict[str, Any] = {"description": route.summary, "content": {route.gives_type: {"schema": schema}}}
    responses = {"200": right | {"headers": _headers(_right_headers(route))}}
    if route.method == "GET" and route.handle is not None:
        responses["304"] = {"description": "Not changed since the ETag in If-None-Match."}
    conflicts = (409,) if route.once else ()
    for status in sorted({*route.statuses, *conflicts, *(EVERYWHERE if route.roles else ())}):
        model = route.gives if not route.roles and route.gives is not None else Problem
        kind = "application/json" if model is route.gives else "application/problem+json"
        content = {kind: {"schema": {"$ref": REFERENCE.format(model=model.__name__)}}}
        described: dict[str, Any] = {"description": HTTPStatus(status).phrase, "content": content}
        if status in (429, 503):
            described["headers"] = _headers(RETRY)
        responses[str(status)] = described
    return responses


def _right_headers(route: Route) -> dict[str, tuple[str, str]]:
    return {**(HEADERS if route.roles else {}), **(REPLAYED if route.once else {})}


def _headers(headers: dict[str, tuple[str, str]]) -> dict[str, Any]:
    return {name: {"schema": {"type": kind}, "description": text} for name, (kind, text) in headers.items()}


def _version() -> str:
    try:
        return version("forewarn")
    except PackageNotFoundError:  # run from a folder
        return "0"
