"""Requests generated from the OpenAPI description: the server answers each as it says there."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OPERATIONS = {
    ("/v1/classify", "POST"): 15,
    ("/v2/models/{model}/infer", "POST"): 15,
    ("/v2/models/{model}/versions/{version}/infer", "POST"): 5,
    ("/v2/models/{model}/versions/{version}/ready", "GET"): 5,
    ("/v2/models/{model}", "GET"): 5,
    ("/v1/checkpoint", "GET"): 2,
    ("/readyz", "GET"): 2,
}


@pytest.fixture(scope="module")
def schema(server):
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_generated_requests_are_answered_as_described(server, schema, path, method, mode):
    operation = schema[path][method]
    if mode is GenerationMode.NEGATIVE and method == "GET":
        pytest.skip("nothing in it can be wrong: any text is a path")

    @settings(
        max_examples=OPERATIONS[path, method],
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def answered(case):
        case.call_and_validate(base_url=server.url, checks=CHECKS)

    answered()
    assert server.process.poll() is None
    assert server.metric("netral_worker_ends_total") == 0


@pytest.fixture(scope="module")
def operations(server):
    """Every operation of the description, by method and path."""
    described = server.client.get("/openapi.json").json()
    assert described["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    return {(method, path): o for path, found in described["paths"].items() for method, o in found.items()}


def test_what_needs_the_token_of_a_server_that_has_one_says_so(operations):
    open_to_all = {path for (_, path), operation in operations.items() if "security" not in operation}
    assert open_to_all == {"/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"} | {
        f"/v2/models/{{model}}{version}/ready" for version in ("", "/versions/{version}")
    }
    for operation in operations.values():
        assert ("401" in operation["responses"]) == ("security" in operation)


def test_every_error_is_described_as_a_problem_with_its_headers(operations):
    for operation in operations.values():
        for status, answer in operation["responses"].items():
            if status >= "400":
                assert list(answer["content"]) == ["application/problem+json"]
                assert answer["content"]["application/problem+json"]["schema"]["$ref"].endswith("/ProblemOut")
            assert ("Retry-After" in answer.get("headers", {})) == (status in ("429", "503"))
            assert ("WWW-Authenticate" in answer.get("headers", {})) == (status == "401")
