import socket
import urllib.request

import pytest

from freqai_ext.errors import SettingsError
from freqai_ext.guardian.metrics import GuardianMetrics


class ManualClock:
    now_s = 1_000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def metrics(clock):
    metrics = GuardianMetrics(clock)
    yield metrics
    metrics.close()


def value(metrics, name, **labels):
    return metrics.registry.get_sample_value(f"freqai_ext_guardian_{name}", labels)


def test_pushes_are_counted_by_kind_and_outcome(metrics):
    metrics.pushed("opinions", "failed", 5, None, 1_000.0, None)
    metrics.pushed("opinions", "accepted", 5, 5, 1_001.0, 0.02)
    metrics.pushed("opinions", "accepted", 5, 5, 1_002.0, 0.2)
    assert value(metrics, "pushes_total", kind="opinions", outcome="accepted") == 2
    assert value(metrics, "pushes_total", kind="opinions", outcome="failed") == 1
    assert value(metrics, "push_latency_seconds_count") == 2
    assert value(metrics, "push_latency_seconds_bucket", le="0.025") == 1


def test_the_age_of_the_last_accepted_push_grows_with_the_clock(metrics, clock):
    assert value(metrics, "last_push_age_seconds") != value(metrics, "last_push_age_seconds")
    metrics.pushed("opinions", "accepted", 5, 5, 1_000.0, 0.02)
    clock.now_s = 1_060.0
    metrics.pushed("opinions", "failed", 5, None, 1_060.0, None)
    assert value(metrics, "last_push_age_seconds") == 60.0
    assert value(metrics, "last_push_timestamp_seconds") == 1_000.0


def test_a_mismatch_shows_in_the_pairs_and_is_no_accepted_push(metrics):
    metrics.pushed("opinions", "mismatch", 5, 4, 1_000.0, 0.02)
    assert (value(metrics, "sent_pairs"), value(metrics, "accepted_pairs")) == (5, 4)
    age_s = value(metrics, "last_push_age_seconds")
    assert age_s != age_s


def test_the_age_of_the_features_is_that_of_the_last_poll_with_any(metrics, clock):
    metrics.polled("ok", 20, 1_000.0)
    metrics.polled("failed", 0, 1_300.0)
    clock.now_s = 1_400.0
    assert value(metrics, "feature_age_seconds") == 400.0
    assert value(metrics, "polls_total", outcome="ok") == 1
    assert value(metrics, "polls_total", outcome="failed") == 1


def test_failures_of_the_journal_are_counted(metrics):
    metrics.journal_failed()
    metrics.journal_failed(2)
    assert value(metrics, "journal_faults_total") == 3


def test_two_sidecars_in_one_process_do_not_share_their_numbers(metrics, clock):
    other = GuardianMetrics(clock)
    metrics.journal_failed()
    assert value(other, "journal_faults_total") == 0


def test_the_page_is_served_on_the_loopback_address_until_it_is_closed(metrics):
    port = metrics.serve(0)
    assert metrics.serve(0) == port
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        page = answer.read().decode()
    assert "freqai_ext_guardian_last_push_age_seconds NaN" in page
    assert metrics._server.server_address[0] == "127.0.0.1"
    metrics.close()
    metrics.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_port_in_use_is_an_error_that_names_the_setting(metrics):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"freqai_ext\.guardian\.metrics_port: {port} cannot be listened on"):
            metrics.serve(port)
