"""The Ray engine on a cluster of two nodes, reading from and writing to an S3 server, all on this machine."""

import json

import boto3
import pytest

from pipeline.apps.batch import storage
from pipeline.apps.classify import classify
from pipeline.corpus.input_files import find_files
from pipeline.errors import InputError

ray = pytest.importorskip("ray")

ARTICLES = [
    {"id": f"a-{number}", "title": f"Camat ke-{number}", "text": f"Camat meminta pegawai nomor {number} netral. Apel."}
    for number in range(24)
]


@pytest.fixture
def bucket(monkeypatch):
    """The URL of an empty bucket."""
    from moto.server import ThreadedMotoServer
    from s3fs import S3FileSystem

    S3FileSystem.clear_instance_cache()  # those of a server that has gone
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket="news")
    yield "s3://news"
    server.stop()


@pytest.fixture
def cluster(bucket, monkeypatch):  # noqa: ARG001 - the nodes find its server in their environment
    """Two nodes of one processor each; the second is the one to lose."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, "object_store_memory": 10**8}
    )
    second = cluster.add_node(num_cpus=1, object_store_memory=10**8)
    ray.init(address=cluster.address, log_to_driver=False)
    yield cluster, second
    ray.shutdown()
    cluster.shutdown()


def files(folder: str) -> dict[str, bytes | None]:
    return {name: storage.read_bytes(storage.join(folder, name)) for name in storage.sizes(folder)}


@pytest.mark.timeout(300)
def test_cluster_that_loses_a_node_writes_the_bytes_of_the_local_engine(
    checkpoint, bucket, cluster, tmp_path, monkeypatch
):
    from pipeline.apps.batch import cluster as engine

    both, second = cluster
    lines = [json.dumps(article) for article in ARTICLES]
    lines[7] = "{"
    storage.write_bytes(bucket, "in/a.jsonl", "\n".join(lines[:16]).encode())
    storage.write_bytes(bucket, "in/b.jsonl", "\n".join(lines[16:]).encode())
    lost = []
    run_ray = engine.run_ray

    def losing_a_node(shards, job, report):
        def then_lose(counts):
            report(counts)
            if not lost:
                lost.append(second)
                both.remove_node(second, allow_graceful=False)

        run_ray(shards, job, then_lose)

    monkeypatch.setattr(engine, "run_ray", losing_a_node)
    counts = classify([f"{bucket}/in"], checkpoint, f"{bucket}/out", engine="ray", shard_bytes=300)
    assert lost
    assert (counts.records, counts.rejects) == (23, 1)
    assert classify([f"{bucket}/in"], checkpoint, tmp_path / "out", shard_bytes=300, processes=1) == counts
    expected = files(str(tmp_path / "out"))
    assert files(f"{bucket}/out") == expected
    assert sum(name.startswith("done/") for name in expected) > 4


def test_object_that_is_replaced_in_mid_run_is_told(checkpoint, bucket, tmp_path, monkeypatch):
    from pipeline.apps import classify as module

    line = json.dumps(ARTICLES[0])
    storage.write_bytes(bucket, "replaced/a.jsonl", line.encode())
    begin = module.begin

    def replace(*given):
        storage.write_bytes(bucket, "replaced/a.jsonl", line.replace("Apel", "Arak").encode())
        return begin(*given)

    monkeypatch.setattr(module, "begin", replace)
    with pytest.raises(InputError, match=r"^s3://news/replaced/a\.jsonl: was written to while it was read"):
        classify([f"{bucket}/replaced"], checkpoint, tmp_path / "out")


def test_node_with_other_libraries_is_refused_by_name(checkpoint, bucket, cluster, monkeypatch):  # noqa: ARG001
    from pipeline.apps.batch import cluster as engine

    storage.write_bytes(bucket, "here/a.jsonl", json.dumps(ARTICLES[0]).encode())
    here = engine.libraries("cpu")
    monkeypatch.setattr(engine, "libraries", lambda _: {**here, "tokenizers": "0.1"})
    with pytest.raises(InputError, match=rf"^node .*: has tokenizers {here['tokenizers']}, not 0\.1; install the same"):
        classify([f"{bucket}/here"], checkpoint, f"{bucket}/there", engine="ray")


def test_missing_bucket_is_one_line(bucket):  # noqa: ARG001 - its server has no other bucket
    with pytest.raises(InputError, match=r"^s3://nowhere/a\.jsonl: cannot be opened: .*bucket does not exist"):
        find_files(["s3://nowhere/a.jsonl"])
    with pytest.raises(InputError, match=r"^s3://nowhere/out: cannot be opened: .*bucket does not exist"):
        storage.sizes("s3://nowhere/out")


def test_shards_done_where_nobody_sees_them_are_missed(checkpoint, tmp_path, monkeypatch):
    """On nodes that do not share the folder, each writes to a disk of its own."""
    news = tmp_path / "news.jsonl"
    news.write_text("".join(json.dumps(article) + "\n" for article in ARTICLES))
    monkeypatch.setattr("pipeline.apps.batch.cluster.run_ray", lambda *_: None)
    with pytest.raises(
        InputError, match="1 of 1 shards were done where this machine does not see them; with --engine ray"
    ):
        classify([str(news)], checkpoint, tmp_path / "out", engine="ray")
