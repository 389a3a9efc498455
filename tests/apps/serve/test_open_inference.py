"""``/v2`` as clients of the Open Inference Protocol meet it."""

import orjson
import pytest

from pipeline.classifier.predict import Classifier

TEXTS = ["Camat meminta pegawai melayani warga.", "Jangan ikut kampanye."]


def tensor(**changes) -> dict:
    return {"name": "text", "shape": [2], "datatype": "BYTES", "data": TEXTS} | changes


def infer(server, path: str = "/v2/models/netral/infer", **changes):
    return server.client.post(path, json={"id": "q-7", "inputs": [tensor(**changes)]})


def test_server_and_model_describe_themselves(server, checkpoint):
    manifest = Classifier(checkpoint).manifest
    assert server.client.get("/v2").json()["name"] == "netral"
    model = server.client.get("/v2/models/netral").json()
    assert model["versions"] == [manifest.version]
    assert model["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1]}]
    assert model["outputs"][0] == {"name": "probabilities", "datatype": "FP32", "shape": [-1, len(manifest.names)]}
    assert server.client.get(f"/v2/models/netral/versions/{manifest.version}").json() == model


def test_health_calls(server):
    assert server.client.get("/v2/health/live").json() == {"live": True}
    assert server.client.get("/v2/health/ready").json() == {"ready": True}
    assert server.client.get("/v2/models/netral/ready").json() == {"name": "netral", "ready": True}


@pytest.mark.parametrize("form", [{}, {"shape": [2, 1]}, {"shape": [2, 1], "data": [[text] for text in TEXTS]}])
def test_inference_gives_a_row_of_probabilities_per_sentence(server, checkpoint, form):
    classifier = Classifier(checkpoint)
    answer = infer(server, **form).json()
    assert (answer["model_name"], answer["model_version"], answer["id"]) == (
        "netral",
        classifier.manifest.version,
        "q-7",
    )
    probabilities, truncated = answer["outputs"]
    assert probabilities["datatype"] == "FP32"
    assert probabilities["shape"] == [2, len(classifier.manifest.names)]
    assert probabilities["parameters"]["labels"].split(",") == classifier.manifest.names
    assert probabilities["data"] == pytest.approx(classifier.score(TEXTS).probabilities.ravel().tolist(), abs=0.02)
    assert truncated == {"name": "truncated", "datatype": "BOOL", "shape": [2], "data": [False, False]}


def test_a_client_gets_the_outputs_that_it_names(server):
    body = {"inputs": [tensor()], "outputs": [{"name": "truncated"}]}
    (output,) = server.client.post("/v2/models/netral/infer", json=body).json()["outputs"]
    assert output["name"] == "truncated"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": "words"}, "#/inputs/0/name"),
        ({"datatype": "FP32"}, "#/inputs/0/datatype"),
        ({"shape": [3]}, "#/inputs/0/shape"),
        ({"shape": [2, 2]}, "#/inputs/0/shape"),
        ({"data": ["", "x"]}, "#/inputs/0/data/0"),
        ({"data": [], "shape": [0]}, "#/inputs/0/data"),
    ],
)
def test_a_wrong_tensor_is_refused_with_the_field_and_the_error_of_the_protocol(server, changes, pointer):
    refused = infer(server, **changes)
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    content = refused.json()
    assert content["errors"][0]["pointer"] == pointer
    assert content["error"] == content["detail"]


@pytest.mark.parametrize("path", ["/v2/models/other/infer", "/v2/models/netral/versions/0/infer"])
def test_another_model_or_version_is_not_found(server, path):
    refused = infer(server, path)
    assert refused.status_code == 404
    assert "there is '" in refused.json()["error"]


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        ([TEXTS[0], 5], 5),
        ([[TEXTS[0]], [5]], [5]),
        ([[TEXTS[0]], ["a", "b"]], ["a", "b"]),
        ([[TEXTS[0]], []], []),
        ([[TEXTS[0]], [""]], [""]),
    ],
)
def test_a_pointer_leads_to_what_is_wrong(server, data, wrong):
    (error,) = infer(server, data=data).json()["errors"]
    found = {"inputs": [tensor(data=data)]}
    for step in error["pointer"].removeprefix("#/").split("/"):
        found = found[int(step)] if isinstance(found, list) else found[step]
    assert found == wrong


def test_a_body_of_no_type_is_json_as_the_client_of_kserve_sends_it(server):
    content = orjson.dumps({"inputs": [tensor()]})
    path = "/v2/models/netral/infer"
    assert server.client.post(path, content=content).status_code == 200
    # A browser would let any page send that.
    assert server.client.post(path, content=content, headers={"Origin": "https://lain.example"}).status_code == 415
    assert server.client.post("/v1/classify", content=content).status_code == 415
