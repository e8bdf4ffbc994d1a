"""The OpenAPI document: made from the routes, whole in itself, with nothing of the framework's in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from serving.api.openapi import document
from serving.api.routes import ROUTES


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return document(ROUTES, (30, 90))


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for below in node.values():
            yield from references(below)
    elif isinstance(node, list):
        for below in node:
            yield from references(below)


def test_every_reference_leads_somewhere(made: dict[str, Any]) -> None:
    found = set(references(made))
    assert len(found) > 5
    assert {one.rpartition("/")[2] for one in found} <= set(made["components"]["schemas"])


def test_it_is_ours(made: dict[str, Any]) -> None:
    assert (made["openapi"], made["info"]["title"]) == ("3.1.0", "forewarn")
    assert made["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    text = json.dumps(made)
    assert "root_input" not in text
    assert "bento" not in text.lower()


def test_every_route_is_in_it_with_its_roles_and_statuses(made: dict[str, Any]) -> None:
    listed = {(method.upper(), path) for path, methods in made["paths"].items() for method in methods}
    assert listed == {(route.method, route.path) for route in ROUTES}
    for route in ROUTES:
        operation = made["paths"][route.path][route.method.lower()]
        if route.roles:
            assert operation["x-roles"] == list(route.roles)
            assert {"401", "403", "429", "500", "503"} <= set(operation["responses"])
        else:
            assert operation["security"] == []
        for status, response in operation["responses"].items():
            if int(status) >= 400 and route.roles:
                assert "application/problem+json" in response["content"]
        if route.takes is not None:
            assert operation["requestBody"]["content"]["application/json"]["example"]
    names = [made["paths"][route.path][route.method.lower()]["operationId"] for route in ROUTES]
    assert len(set(names)) == len(names)


def test_a_prediction_names_the_horizons(made: dict[str, Any]) -> None:
    prediction = made["components"]["schemas"]["Prediction"]
    assert {"p_churn_30d", "p_churn_90d"} <= set(prediction["required"])
    assert prediction["properties"]["p_churn_30d"]["maximum"] == 1
    assert prediction["properties"]["actions"]["items"]["$ref"].endswith("/NextAction")
