import numpy as np
import pytest

from freqai_ext.guardian._transforms import TRAILING_S, trailing_median

DAY_S = 86_400.0


def by_hand(times_s, levels, first):
    medians = []
    for here in range(first, len(times_s)):
        window = (times_s > times_s[here] - TRAILING_S) & (np.arange(len(times_s)) <= here)
        columns = [column[~np.isnan(column)] for column in levels[window].T]
        medians.append([np.median(column) if len(column) else np.nan for column in columns])
    return np.array(medians).reshape(-1, levels.shape[1])


@pytest.mark.parametrize("first", [0, 100, 190, 199, 200])
def test_the_trailing_median_is_that_of_the_last_seven_days_up_to_the_row(first):
    random = np.random.default_rng(3)
    # Whole quarters of a day, so that rows stand exactly on the edge of a window.
    times_s = np.cumsum(random.integers(1, 4, 200) * DAY_S / 4)
    levels = random.normal(size=(200, 3))
    levels[random.random(levels.shape) < 0.3] = np.nan
    levels[:80, 2] = np.nan
    np.testing.assert_array_equal(trailing_median(times_s, levels, first), by_hand(times_s, levels, first))
