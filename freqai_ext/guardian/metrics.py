"""Numbers for Prometheus, with a registry of their own."""

import threading
import time
from collections.abc import Callable
from math import nan
from typing import Final
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from freqai_ext.errors import SettingsError

_LOOPBACK: Final = "127.0.0.1"
_PREFIX: Final = "freqai_ext_guardian_"
_LATENCY_BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class GuardianMetrics:
    """What the sidecar counts, and the page on which Prometheus reads it.

    Methods may be called from any thread.

    Parameters
    ----------
    clock
        UTC seconds.

    Attributes
    ----------
    registry
        Holds ``freqai_ext_guardian_...``: ``pushes_total`` by kind and outcome, ``last_push_timestamp_seconds``,
        ``last_push_age_seconds``, ``sent_pairs``, ``accepted_pairs``, ``push_latency_seconds``, ``polls_total`` by
        outcome, ``feature_age_seconds`` and ``journal_faults_total``. Ages are NaN until something has one.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.registry = CollectorRegistry()
        self._clock = clock
        self._pushed_at_s = self._polled_at_s = nan
        self._server: WSGIServer | None = None
        self._thread: threading.Thread | None = None
        registry = self.registry
        self._pushes = Counter(
            f"{_PREFIX}pushes", "Attempts to push by what became of them", ("kind", "outcome"), registry=registry
        )
        self._last_push = Gauge(
            f"{_PREFIX}last_push_timestamp_seconds", "Time of the last push that Guardian accepted", registry=registry
        )
        self._sent = Gauge(f"{_PREFIX}sent_pairs", "Pairs of the last push that Guardian answered", registry=registry)
        self._accepted = Gauge(f"{_PREFIX}accepted_pairs", "Pairs that Guardian stored of it", registry=registry)
        self._latency = Histogram(
            f"{_PREFIX}push_latency_seconds", "Time to Guardian's answer", buckets=_LATENCY_BOUNDS_S, registry=registry
        )
        self._polls = Counter(f"{_PREFIX}polls", "Polls of features by outcome", ("outcome",), registry=registry)
        self._journal_faults = Counter(
            f"{_PREFIX}journal_faults", "Failures to write or read the journal", registry=registry
        )
        push_age = Gauge(f"{_PREFIX}last_push_age_seconds", "Time since the last accepted push", registry=registry)
        push_age.set_function(lambda: self._clock() - self._pushed_at_s)
        feature_age = Gauge(
            f"{_PREFIX}feature_age_seconds", "Time since the newest features were fetched", registry=registry
        )
        feature_age.set_function(lambda: self._clock() - self._polled_at_s)
        for unknown in (self._last_push, self._sent, self._accepted):
            unknown.set(nan)

    def pushed(
        self, kind: str, outcome: str, pairs: int, accepted: int | None, at_s: float, latency_s: float | None
    ) -> None:
        """Count an attempt to push.

        Parameters
        ----------
        kind
            Of the payload.
        outcome
            Of the attempt; ``"accepted"`` makes it the last push.
        pairs
            Pairs that were sent.
        accepted
            Pairs that Guardian stored; ``None`` where it did not say.
        at_s
            UTC seconds.
        latency_s
            Time to Guardian's answer; ``None`` where there was none.
        """
        self._pushes.labels(kind, outcome).inc()
        if latency_s is not None:
            self._latency.observe(latency_s)
        if accepted is not None:
            self._sent.set(pairs)
            self._accepted.set(accepted)
        if outcome == "accepted":
            self._pushed_at_s = at_s
            self._last_push.set(at_s)

    def polled(self, outcome: str, pairs: int, at_s: float) -> None:
        """Count a poll of Guardian's features; with any ``pairs`` its features are the newest."""
        self._polls.labels(outcome).inc()
        if pairs > 0:
            self._polled_at_s = at_s

    def journal_failed(self, times: int = 1) -> None:
        """Count failures of the journal's disk."""
        self._journal_faults.inc(times)

    def serve(self, port: int) -> int:
        """Serve the page on the loopback address and return the port; 0 takes a free one.

        Raises
        ------
        SettingsError
            If the port is in use.
        """
        if self._server is not None:
            return self._server.server_port
        try:
            self._server, self._thread = start_http_server(port, addr=_LOOPBACK, registry=self.registry)
        except OSError as error:
            raise SettingsError(
                f"freqai_ext.guardian.metrics_port: {port} cannot be listened on ({error.strerror}); choose a free "
                "one, or null"
            ) from error
        return self._server.server_port

    def close(self) -> None:
        """Stop serving; does nothing where nothing is served."""
        server, thread, self._server, self._thread = self._server, self._thread, None, None
        if server is not None and thread is not None:
            server.shutdown()
            server.server_close()
            thread.join()
