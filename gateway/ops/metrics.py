"""Metrics for Prometheus, in a registry of their own. Times are in seconds, sizes in bytes.

Labels are bounded: sources, sectors and event types are registered or mapped, code lists are those of the packs, codes
of refusals and outcomes are closed lists, and routes are templates. Nothing a sender writes becomes a label.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from contract.errors import Code
from gateway.delivery import Delivery, Receipt

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


M = TypeVar("M", Counter, Gauge, Histogram)


class Family(Generic[M]):
    """A metric's children by their label values, found faster than by the library."""

    def __init__(self, metric: M) -> None:
        self._metric: M = metric
        self._children: dict[tuple[str, ...], M] = {}

    def __call__(self, *labels: str) -> M:
        child = self._children.get(labels)
        if child is None:
            child = self._children[labels] = self._metric.labels(*labels)
        return child


class Metrics:
    """One per process; what is counted is a method, what is measured from outside is a gauge."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._messages = self._counter(
            "messages", "Messages by what became of them", "source", "sector", "door", "outcome"
        )
        self._refusals = self._counter("refusals", "Messages refused, by reason", "source", "door", "code")
        self._events = self._counter("events", "Events accepted", "source", "sector", "type")
        self._unmapped = self._counter(
            "unmapped_codes", "Codes of accepted messages that a pack's list lacks", "source", "code_list"
        )
        self._intake = self._histogram("intake_seconds", "From a whole message to its durable receipt", "door")
        self._rows = self._counter("batch_rows", "Rows of files that were worked", "source")
        self._requests = self._counter("http_requests", "HTTP requests answered", "route", "method", "status")
        self._request = self._histogram("http_request_seconds", "From request to answer", "route")
        self._closed = self._counter("mllp_connections_closed", "MLLP connections the hub closed, by reason", "reason")
        self.connections = Family(self._gauge("mllp_connections", "Open MLLP connections", "source"))
        self.in_flight = self._gauge("in_flight_bytes", "Bytes of bodies being read or worked on")
        self.outbox_rows = self._gauge("outbox_rows", "Events that are kept and not yet published")
        self.outbox_bytes = self._gauge("outbox_bytes", "Bytes of events that are kept and not yet published")
        self.outbox_oldest = self._gauge("outbox_oldest_seconds", "Age of the oldest event that is not yet published")
        self.outbox_until_full = self._gauge(
            "outbox_until_full_seconds", "How long until the outbox's budget is used up, +Inf while it does not grow"
        )
        self.waiting = self._gauge("waiting_messages", "Messages that wait for a parent")
        self.waiting_oldest = self._gauge(
            "waiting_oldest_seconds", "How long the first of the messages that wait for a parent has done so"
        )
        self.dead_letters = self._gauge("dead_letters_open", "Dead letters that nobody has worked yet")
        self.stopped_files = self._gauge("stopped_files", "Files that something keeps from going on")
        self.removed = self._counter(
            "retention_removed", "Rows that this gateway removed because their time was over", "kind"
        )
        self.retention_run = self._gauge(
            "retention_run_timestamp_seconds", "When the last retention run was, since 1970"
        )
        self.oldest_kept = Family(
            self._gauge("oldest_kept_seconds", "Age of the oldest row after the last run", "kind")
        )
        self.ready = self._gauge("ready", "1 when this gateway takes messages in, else 0")

    def received(self, receipt: Receipt, delivery: Delivery, door: str, seconds: float) -> None:
        """A message that was acknowledged."""
        source = delivery.principal.source
        sector = str(source.sector) if source else ""
        self._messages(receipt.source, sector, door, receipt.status).inc()
        if receipt.status == "accepted":
            for event in receipt.events:
                self._events(receipt.source, sector, event.type).inc()
            for code_list in receipt.unmapped:
                self._unmapped(receipt.source, code_list).inc()
        self._intake(door).observe(seconds)

    def refused(self, source: str, door: str, code: Code, seconds: float | None = None) -> None:
        """A message that was not acknowledged; `source` is empty where nobody was recognised."""
        self._refusals(source, door, code).inc()
        if seconds is not None:
            self._intake(door).observe(seconds)

    def row(self, source: str) -> None:
        """A row of a file that was settled."""
        self._rows(source).inc()

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """An HTTP request; `route` is the template, empty for paths that do not exist."""
        self._requests(route, method, str(status)).inc()
        self._request(route).observe(seconds)

    def closed(self, reason: str) -> None:
        """An MLLP connection that the hub closed: `idle`, `frame-too-slow`, `not-mllp`, `too-many`, `not-read`."""
        self._closed(reason).inc()

    def exposition(self) -> bytes:
        """What `GET /metrics` answers, in the Prometheus text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Family[Counter]:
        return Family(Counter(f"carehub_{name}", text, labels, registry=self.registry))

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"carehub_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Family[Histogram]:
        return Family(Histogram(f"carehub_{name}", text, labels, buckets=_SECONDS, registry=self.registry))
