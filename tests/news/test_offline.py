import socket
import threading

import httpx
import pytest

from freqai_ext.news.offline import NetworkInReplayError, no_network


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


@pytest.mark.parametrize(
    "use",
    [
        lambda address: socket.create_connection(address),
        lambda address: socket.getaddrinfo("localhost", address[1]),
        lambda address: socket.gethostbyname("localhost"),
        lambda address: httpx.get(f"http://{address[0]}:{address[1]}", trust_env=False),
    ],
)
def test_nothing_connects_or_resolves_a_name_inside_the_block(listener, use):
    with pytest.raises(NetworkInReplayError, match="a backtest reads the news store alone"), no_network():
        use(listener)


def test_it_works_again_after_the_block_even_after_a_fault(listener):
    with pytest.raises(NetworkInReplayError), no_network():
        socket.create_connection(listener)
    socket.create_connection(listener).close()


def test_a_block_within_a_block_forbids_until_the_end_of_the_outer(listener):
    with no_network():
        with no_network():
            pass
        with pytest.raises(NetworkInReplayError):
            socket.create_connection(listener)


def test_other_threads_are_left_alone(listener):
    outcome = []

    def connect():
        socket.create_connection(listener).close()
        outcome.append("connected")

    with no_network():
        thread = threading.Thread(target=connect)
        thread.start()
        thread.join()
    assert outcome == ["connected"]
