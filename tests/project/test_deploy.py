"""The Dockerfile and the Kubernetes manifest agree with the server that they run. Neither is run here."""

import json
import re
import shlex
from pathlib import Path, PurePosixPath

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from pipeline.apps.serve.guard import needs_token
from pipeline.apps.serve.settings import Settings
from pipeline.cli import app

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def manifests() -> dict[str, dict]:
    text = (ROOT / "deploy/kubernetes.yaml").read_text()
    return {manifest["kind"]: manifest for manifest in YAML(typ="safe").load_all(text)}


@pytest.fixture(scope="module")
def pod(manifests) -> dict:
    return manifests["Deployment"]["spec"]["template"]["spec"]


def options(arguments: list[str]) -> dict[str, str]:
    assert all(name.startswith("--") for name in arguments[::2])
    return dict(zip(arguments[::2], arguments[1::2], strict=True))


def test_probes_ask_what_the_server_answers_without_a_token(pod):
    (container,) = pod["containers"]
    paths = {name: container[name]["httpGet"]["path"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert paths == {"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}
    assert not any(needs_token(path) for path in paths.values())


def test_accepted_requests_have_time_to_end_before_the_pod_is_killed(pod):
    (container,) = pod["containers"]
    pause = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    given = options(container["args"])
    assert pod["terminationGracePeriodSeconds"] > pause + int(given["--grace"]) + 5
    assert int(given["--grace"]) >= Settings().deadline


def test_the_pod_has_limits_and_no_rights(pod):
    (container,) = pod["containers"]
    assert {"cpu", "memory"} <= container["resources"]["limits"].keys() & container["resources"]["requests"].keys()
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["env"][0]["name"] == "NETRAL_TOKEN"


def test_service_selector_and_ports_meet_the_pod(manifests, pod):
    labels = manifests["Deployment"]["spec"]["template"]["metadata"]["labels"]
    (container,) = pod["containers"]
    for kind in ("Service", "PodDisruptionBudget"):
        selector = manifests[kind]["spec"]["selector"]
        assert selector.get("matchLabels", selector) == labels
    assert manifests["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert manifests["Service"]["spec"]["ports"][0]["targetPort"] == container["ports"][0]["name"]
    assert str(container["ports"][0]["containerPort"]) == options(container["args"])["--port"]
    claim = manifests["PersistentVolumeClaim"]["metadata"]["name"]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim


def test_a_checkpoint_can_be_renamed_into_its_place_under_every_mount(pod):
    dockerfile = (ROOT / "Dockerfile").read_text()
    command = json.loads(re.search(r"^ENTRYPOINT (.*)$", dockerfile, re.MULTILINE)[1])
    served = PurePosixPath(options(command[2:])["--checkpoint"])
    (mount,) = pod["containers"][0]["volumeMounts"]
    assert "subPath" not in mount
    assert PurePosixPath(mount["mountPath"]) == served.parent
    for name in ("Dockerfile", "docs/serving.md"):
        (source, target) = re.search(
            r'-v "\$PWD/(\S+):(\S+):ro" netral$', (ROOT / name).read_text(), re.MULTILINE
        ).groups()
        assert PurePosixPath(target) == served.parent
        assert PurePosixPath(source, served.relative_to(target)) == PurePosixPath(Settings().checkpoint)


def test_nothing_scrapes_metrics_without_the_token(manifests):
    assert needs_token("/metrics")
    assert "annotations" not in manifests["Deployment"]["spec"]["template"]["metadata"]


def test_every_option_that_they_use_exists(pod):
    known = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    dockerfile = (ROOT / "Dockerfile").read_text()
    used = set(options(pod["containers"][0]["args"])) | set(re.findall(r'"(--[a-z-]+)"', dockerfile))
    assert used >= {"--checkpoint", "--host", "--port", "--workers", "--grace"}
    assert not [option for option in used if option not in known]


def test_the_image_is_not_root_and_copies_only_what_exists():
    lines = [line for line in (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines() if line[:1].isupper()]
    instructions = [(line.split()[0], line.partition(" ")[2]) for line in lines]
    assert {name for name, _ in instructions} <= {
        *("FROM", "WORKDIR", "COPY", "RUN", "USER", "ENV", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD")
    }
    users = [value for name, value in instructions if name == "USER"]
    assert users
    assert not users[-1].startswith(("0", "root"))
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for name, value in instructions:
        if name == "COPY" and "--from" not in value:
            sources = shlex.split(value)[:-1]
            assert all((ROOT / source).exists() for source in sources)
            assert set(sources) <= allowed
