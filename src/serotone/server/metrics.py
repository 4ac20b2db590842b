"""What a service counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

LATENCY_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """Counters of one service, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "serotone_requests",
            "Requests answered, by route and status.",
            ["route", "status"],
            registry=self.registry,
        )
        self._latency = Histogram(
            "serotone_request_seconds",
            "From a request's head to its answer.",
            ["route"],
            buckets=LATENCY_S,
            registry=self.registry,
        )
        self._audio = Counter(
            "serotone_audio_seconds", "Seconds of sound heard.", registry=self.registry
        )
        self._predictions = Counter(
            "serotone_predictions", "Predictions, by label.", ["label"], registry=self.registry
        )
        self._errors = Counter(
            "serotone_errors", "Refusals, by kind.", ["kind"], registry=self.registry
        )
        self._queue = Gauge(
            "serotone_queue_depth", "Recordings that wait for the model.", registry=self.registry
        )
        self._lost = Gauge(
            "serotone_decoders_lost", "Decoders that died or hung.", registry=self.registry
        )
        self.in_flight = Gauge(
            "serotone_requests_in_flight", "Requests not yet answered.", registry=self.registry
        )
        self.streams = Gauge("serotone_streams", "Open WebSockets.", registry=self.registry)

    def watch(self, *, queue: Callable[[], int], lost: Callable[[], int]) -> None:
        """Where to look for what is not counted here."""
        self._queue.set_function(queue)
        self._lost.set_function(lost)

    def answered(self, route: str, status: int, took_s: float) -> None:
        """One request."""
        self._requests.labels(route, str(status)).inc()
        self._latency.labels(route).observe(took_s)

    def refused(self, kind: str) -> None:
        """One refusal; ``kind`` is a word of this program, never of a client."""
        self._errors.labels(kind).inc()

    def heard(self, sound_s: float, label: str) -> None:
        """One prediction."""
        self._audio.inc(sound_s)
        self._predictions.labels(label).inc()

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self.registry)
