import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext._services.backoff import Backoff
from freqai_ext._services.throttle import Throttle


def test_waits_double_up_to_the_longest_and_are_shortened_by_a_fifth_at_most():
    backoff = Backoff(1.0, 10.0, seed=1)
    for step in (1.0, 2.0, 4.0, 8.0, 10.0, 10.0):
        assert 0.8 * step <= backoff.next() <= step


def test_after_a_reset_it_begins_again():
    backoff = Backoff(1.0, 60.0, seed=1)
    for _ in range(5):
        backoff.next()
    backoff.reset()
    assert backoff.next() <= 1.0


def test_two_clients_do_not_come_at_the_same_times():
    one, other = Backoff(1.0, 60.0, seed=1), Backoff(1.0, 60.0, seed=2)
    assert [one.next() for _ in range(4)] != [other.next() for _ in range(4)]


def test_a_seed_gives_the_same_waits_again():
    one, again = Backoff(1.0, 60.0, seed=1), Backoff(1.0, 60.0, seed=1)
    assert [one.next() for _ in range(4)] == [again.next() for _ in range(4)]


@given(st.floats(0.001, 1e3), st.floats(0.001, 1e3), st.integers(1, 50))
@settings(max_examples=50)
def test_no_wait_is_longer_than_the_longest(first_s, longest_s, count):
    backoff = Backoff(first_s, longest_s)
    assert all(0 < backoff.next() <= longest_s for _ in range(count))


@pytest.mark.parametrize(("first_s", "longest_s"), [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0)])
def test_waits_must_be_above_zero(first_s, longest_s):
    with pytest.raises(ValueError, match="they must be above 0"):
        Backoff(first_s, longest_s)


def test_a_throttle_speaks_less_and_less_often_until_it_is_reset():
    throttle = Throttle()
    assert [count for count in range(1, 101) if throttle.passes()] == [1, 2, 4, 8, 16, 32, 64]
    assert throttle.count == 100
    throttle.reset()
    assert throttle.passes()
