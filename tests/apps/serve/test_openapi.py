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
