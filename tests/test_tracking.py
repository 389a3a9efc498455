"""The diary: a server that is down stops a stage at once, one that dies costs the log alone."""

import json
import threading
import time
from contextlib import chdir
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import mlflow
import pytest

from pipeline import tracking
from pipeline.errors import InputError
from pipeline.stages import evaluate, export, train


@pytest.fixture(scope="module")
def made_store(tmp_path_factory):
    """A tracking database of its own: making one takes seconds."""
    folder = tmp_path_factory.mktemp("tracking")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    mlflow.set_tracking_uri(uri)
    mlflow.create_experiment("netral", artifact_location=str(folder / "artifacts"))
    return uri


@pytest.fixture
def store(made_store, monkeypatch) -> str:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", made_store)
    return made_store


class Server(ThreadingHTTPServer):
    """Speaks as much of MLflow's REST protocol as opening a run takes, and answers nothing once it is dead."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.dead = threading.Event()
        self.dies_at = ""
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def uri(self) -> str:
        return f"http://spy:hush-hush@127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        if self.server.dies_at and path.endswith(self.server.dies_at):
            self.server.dead.set()
        if self.server.dead.is_set():
            self.close_connection = True
            return
        experiment = {
            "experiment_id": "1",
            "name": "netral",
            "artifact_location": "mlflow-artifacts:/1",
            "lifecycle_stage": "active",
        }
        info = {
            "run_id": "r1",
            "run_uuid": "r1",
            "experiment_id": "1",
            "status": "RUNNING",
            "lifecycle_stage": "active",
        }
        body = {"get-by-name": {"experiment": experiment}, "create": {"run": {"info": info, "data": {}}}}
        content = json.dumps(body.get(path.rpartition("/")[2], {})).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = answer  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch):
    server = Server()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    yield server
    server.shutdown()
    server.server_close()


def test_nested_values_get_dotted_names():
    assert tracking.flatten({"a": {"b": {"c": 1}, "d": 2}, "e": 3}) == {"a.b.c": 1, "a.d": 2, "e": 3}


def test_a_run_takes_parameters_metrics_by_step_and_artifacts(store, tmp_path):
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots/curve.txt").write_text("up")
    with tracking.diary(name="trial", tags={"stage": "train"}) as diary:
        diary.parameters({"train": {"epochs": 2, "encoder": "x" * 600}})
        for step in (1, 2):
            diary.metrics({"loss": 1 / step, "note": "no number"}, step=step)
        diary.artifacts(tmp_path / "plots", "reports")
    client = mlflow.MlflowClient(store)
    run = client.get_run(diary.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["stage"] == "train"
    assert run.data.params == {"train.epochs": "2", "train.encoder": "x" * 500}
    assert [(entry.step, entry.value) for entry in client.get_metric_history(diary.run_id, "loss")] == [
        (1, 1.0),
        (2, 0.5),
    ]
    assert "note" not in run.data.metrics
    assert [file.path for file in client.list_artifacts(diary.run_id, "reports")] == ["reports/curve.txt"]


def test_a_parameter_that_has_another_value_already_costs_that_entry_alone(store, capsys):
    with tracking.diary() as diary:
        diary.parameters({"epochs": 2})
        diary.parameters({"epochs": 3})
        diary.metrics({"loss": 1.0})
    run = mlflow.MlflowClient(store).get_run(diary.run_id)
    assert run.data.params == {"epochs": "2"}
    assert run.data.metrics == {"loss": 1.0}
    (complaint,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("netral:")]
    assert complaint.startswith("netral: tracking refuses an entry, work goes on: Changing param values is not allowed")


def test_a_later_stage_goes_on_with_the_run_of_an_earlier_one(store):
    with tracking.diary() as first:
        first.metrics({"loss": 1.0})
    with tracking.diary(run_id=first.run_id) as second:
        second.metrics({"f1": 0.5})
    assert second.run_id == first.run_id
    assert mlflow.MlflowClient(store).get_run(first.run_id).data.metrics == {"loss": 1.0, "f1": 0.5}


def test_a_run_that_is_not_to_be_found_is_replaced_by_a_new_one(store):
    with tracking.diary(run_id="0" * 32) as diary:
        diary.metrics({"loss": 1.0})
    assert diary.run_id != "0" * 32
    assert mlflow.MlflowClient(store).get_run(diary.run_id).data.metrics == {"loss": 1.0}


def test_a_stage_that_fails_leaves_a_failed_run(store):
    with pytest.raises(ZeroDivisionError), tracking.diary() as diary:
        _ = 1 / 0
    assert mlflow.MlflowClient(store).get_run(diary.run_id).info.status == "FAILED"


def test_a_server_that_is_down_stops_training_before_it_begins(workplace, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://spy:hush-hush@127.0.0.1:9")
    begun = time.monotonic()
    with pytest.raises(SystemExit) as stop:
        train.main(workplace.dataset, workplace / "configs/train.yaml", tmp_path / "model")
    assert stop.value.code == 2
    assert time.monotonic() - begun < 60  # seconds; a few on an idle machine
    complaint = capsys.readouterr().err.splitlines()[-1]
    assert complaint.startswith("netral: the MLflow tracking server at http://127.0.0.1:9 cannot be used")
    assert complaint.endswith("start it, or unset MLFLOW_TRACKING_URI")
    assert "hush-hush" not in complaint
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_down_stops_evaluation_before_it_begins(workplace, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(SystemExit) as stop, chdir(workplace.folder):
        evaluate.main(out=tmp_path / "reports", metrics=tmp_path / "metrics.json")
    assert stop.value.code == 2
    assert "MLflow tracking server at http://127.0.0.1:9 cannot be used" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_down_stops_export_before_it_begins(workplace, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(SystemExit) as stop, chdir(workplace.folder):
        export.main(out=tmp_path / "exported")
    assert stop.value.code == 2
    assert "MLflow tracking server at http://127.0.0.1:9 cannot be used" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "uri", ["postgresql://spy:hush-hush@127.0.0.1:9/runs", "http://hush-hush@127.0.0.1:9", "nosuch://h?key=hush-hush"]
)
def test_an_unusable_address_is_refused_without_its_secrets(uri, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with (
        pytest.raises(InputError, match=r"MLflow tracking server at [a-z]+://[^ ]+ cannot be used") as refusal,
        tracking.diary(),
    ):
        pytest.fail("the run was opened")
    assert "hush-hush" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_server_that_dies_costs_the_log_and_is_mentioned_once(server, capsys):
    done = []
    with tracking.diary() as diary:
        diary.parameters({"epochs": 2})
        server.dead.set()
        for step in range(3):
            diary.metrics({"loss": 1.0}, step=step)
            done.append(step)
    assert done == [0, 1, 2]
    complaints = [line for line in capsys.readouterr().err.splitlines() if line.startswith("netral:")]
    assert len(complaints) == 1
    assert "tracking is lost from here on, work goes on" in complaints[0]
    assert "hush-hush" not in complaints[0]


def test_training_outlives_its_tracking_server(server, workplace, tmp_path, capsys):
    server.dies_at = "log-batch"
    config = json.loads((workplace / "configs/train.yaml").read_text()) | {"epochs": 1}
    (tmp_path / "train.yaml").write_text(json.dumps(config))
    train.main(workplace.dataset, tmp_path / "train.yaml", tmp_path / "model")
    assert server.dead.is_set()
    assert (tmp_path / "model/model.safetensors").is_file()
    assert capsys.readouterr().err.count("tracking is lost from here on") == 1
