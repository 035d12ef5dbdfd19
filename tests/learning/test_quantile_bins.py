"""Features as numbers of bins."""

import numpy as np

from freqai_ext.learning.quantile_bins import QuantileBins


def test_bins_hold_about_as_many_rows_each_and_keep_the_order():
    values = np.random.default_rng(0).normal(size=(1000, 3)).astype(np.float32)
    numbers = QuantileBins.measure(values, 10, ()).numbers(values)
    for column, number in zip(values.T, numbers.T, strict=True):
        assert np.bincount(number.astype(int)).tolist() == [100] * 10
        assert (np.diff(number[np.argsort(column)]) >= 0).all()


def test_values_beyond_those_seen_are_in_the_outer_bins():
    bins = QuantileBins.measure(np.arange(100, dtype=np.float32)[:, None], 4, ())
    assert bins.numbers(np.array([[-1e9], [1e9]], dtype=np.float32)).ravel().tolist() == [0, 3]


def test_few_values_have_a_bin_each_however_rare():
    values = np.zeros((1000, 1), dtype=np.float32)
    values[7], values[8] = 1.0, -1.0
    numbers = QuantileBins.measure(values, 63, ()).numbers(values).ravel()
    assert len({numbers[0], numbers[7], numbers[8]}) == 3


def test_a_frequent_value_does_not_take_the_bins_of_the_others():
    values = np.zeros((1000, 1), dtype=np.float32)
    values[:200, 0] = np.arange(1, 201)
    numbers = QuantileBins.measure(values, 21, ()).numbers(values).ravel()
    assert len(np.unique(numbers)) == 21
    assert np.unique(numbers[200:]).size == 1
    assert numbers[200] < numbers[0]


def test_a_constant_is_in_one_bin_and_codes_are_left_as_they_are():
    values = np.column_stack([np.full(50, 3.0), np.arange(50) % 7]).astype(np.float32)
    numbers = QuantileBins.measure(values, 5, (1,)).numbers(values)
    assert len(np.unique(numbers[:, 0])) == 1
    np.testing.assert_array_equal(numbers[:, 1], values[:, 1])
