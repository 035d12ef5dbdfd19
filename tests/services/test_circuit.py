import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext._services.circuit import Circuit


def test_two_failures_are_forgiven_and_the_third_makes_it_rest_for_a_minute():
    circuit = Circuit()
    circuit.failed(100.0)
    circuit.failed(101.0)
    assert circuit.rests_for_s(101.0) == 0.0
    circuit.failed(102.0)
    assert circuit.rests_for_s(102.0) == 60.0
    assert circuit.rests_for_s(161.9) == pytest.approx(0.1)
    assert circuit.rests_for_s(162.0) == 0.0


def test_each_failure_after_a_rest_doubles_it_up_to_a_quarter_of_an_hour():
    circuit, now_s, rests = Circuit(), 0.0, []
    for _ in range(2):
        circuit.failed(now_s)
    for _ in range(6):
        circuit.failed(now_s)
        rests.append(circuit.rests_for_s(now_s))
        now_s += rests[-1]
    assert rests == [60.0, 120.0, 240.0, 480.0, 900.0, 900.0]


def test_a_success_forgets_failures_and_how_long_it_rested():
    circuit = Circuit()
    for _ in range(3):
        circuit.failed(0.0)
    circuit.failed(60.0)
    circuit.succeeded()
    assert circuit.rests_for_s(61.0) == 0.0
    circuit.failed(61.0)
    circuit.failed(61.0)
    assert circuit.rests_for_s(61.0) == 0.0
    circuit.failed(61.0)
    assert circuit.rests_for_s(61.0) == 60.0


def test_failures_of_calls_that_were_under_way_do_not_make_the_rest_longer():
    circuit = Circuit()
    for _ in range(3):
        circuit.failed(0.0)
    circuit.failed(10.0)
    circuit.failed(20.0)
    assert circuit.rests_for_s(20.0) == 40.0


def test_a_clock_that_was_set_back_ends_the_rest():
    circuit = Circuit()
    for _ in range(3):
        circuit.failed(1_000_000.0)
    assert circuit.rests_for_s(5.0) == 0.0


@pytest.mark.parametrize(("failures", "first_s", "longest_s"), [(0, 60.0, 900.0), (3, 0.0, 900.0), (3, 60.0, -1.0)])
def test_numbers_that_make_no_sense_are_refused(failures, first_s, longest_s):
    with pytest.raises(ValueError, match="failures must be 1 or more and rests above 0"):
        Circuit(failures, first_s, longest_s)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 500)), max_size=60))
@settings(max_examples=50)
def test_it_never_rests_longer_than_the_longest_nor_after_fewer_than_three_failures(events):
    circuit, now_s, in_a_row = Circuit(), 0.0, 0
    for success, step_s in events:
        now_s += step_s
        if success:
            circuit.succeeded()
            in_a_row = 0
        else:
            circuit.failed(now_s)
            in_a_row += 1
        assert circuit.rests_for_s(now_s) <= 900.0
        if in_a_row < 3:
            assert circuit.rests_for_s(now_s) == 0.0
