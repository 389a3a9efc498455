"""What ``/metrics`` tells Prometheus."""

from collections import Counter as Count
from collections.abc import Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, disable_created_metrics
from prometheus_client.process_collector import ProcessCollector

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class Metrics:
    """The counters of one server, in a registry of its own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "netral_requests", "Requests by route and status.", ["route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "netral_request_seconds",
            "Time from the head of a request to the end of its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.rejections = Counter(
            "netral_rejections", "Requests that were not answered, by reason.", ["reason"], registry=registry
        )
        self.queue_tokens = Gauge(
            "netral_queue_tokens", "Estimated word pieces of accepted requests without an answer.", registry=registry
        )
        self.batch_sentences = Histogram(
            "netral_batch_sentences",
            "Sentences that a worker was given together.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128),
            registry=registry,
        )
        self.batch_tokens = Histogram(
            "netral_batch_tokens",
            "Their estimated word pieces.",
            buckets=(16, 32, 64, 128, 256, 512, 1024, 2048),
            registry=registry,
        )
        self.sentences = Counter("netral_sentences", "Sentences that were answered.", registry=registry)
        self.truncated = Counter("netral_truncated_sentences", "Those longer than the model takes.", registry=registry)
        self.labels = Counter("netral_labels", "Labels that were given.", ["label"], registry=registry)
        self.workers = Gauge("netral_workers", "Worker processes that are ready.", registry=registry)
        self.worker_ends = Counter("netral_worker_ends", "Workers that ended unasked.", registry=registry)
        self.reloads = Counter("netral_reloads", "Attempts to take a new checkpoint.", ["result"], registry=registry)
        self.checkpoint = Info("netral_checkpoint", "The checkpoint that answers.", registry=registry)

    def count(self, rows: Sequence[dict[str, Any]]) -> None:
        """Count sentences that were answered."""
        self.sentences.inc(len(rows))
        self.truncated.inc(sum(row["truncated"] for row in rows))
        for label, times in Count(label for row in rows for label in row["labels"]).items():
            self.labels.labels(label).inc(times)
