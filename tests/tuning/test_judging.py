"""How trials are judged: losses by block, and whether one beats another by more than noise."""

import numpy as np
import pytest

from freqai_ext.learning.design import Design, Examples
from freqai_ext.learning.learner import Head
from freqai_ext.tuning.fold_loss import BLOCKS_PER_FOLD, FoldLoss, weighted_quantiles
from freqai_ext.tuning.gain import gain

MEAN = Head("distribution")
BAND = Head("distribution", (0.1, 0.9))
CHANCE = Head("probability")


def examples(rows=400, seed=0, label=None, weight=None) -> Examples:
    rng = np.random.default_rng(seed)
    values = rng.normal(0.5, 2.0, rows) if label is None else np.asarray(label, dtype=float)
    design = Design(np.zeros((rows, 1), dtype=np.float32), ("x",), np.zeros(rows, dtype=np.intp))
    return Examples(design, np.arange(rows), values, rng.uniform(0.5, 1.5, rows) if weight is None else weight)


def test_the_training_rows_own_mean_and_quantiles_have_the_loss_one():
    train, test = examples(seed=1), examples(seed=2)
    loss = FoldLoss.of(BAND, train, test)
    constants = [
        np.average(train.label, weights=train.weight),
        *weighted_quantiles(train.label, train.weight, (0.1, 0.9)),
    ]
    assert loss.blocks(np.tile(constants, (400, 1))).sum() == pytest.approx(1.0)


def test_the_loss_of_a_mean_is_its_weighted_squared_error_relative_to_the_naive_one():
    train, test = examples(seed=1), examples(seed=2)
    naive = np.average((test.label - np.average(train.label, weights=train.weight)) ** 2, weights=test.weight)
    expected = np.average((test.label - 0.3) ** 2, weights=test.weight) / naive
    assert FoldLoss.of(MEAN, train, test).blocks(np.full((400, 1), 0.3)).sum() == pytest.approx(expected)


def test_true_quantiles_have_less_loss_than_wide_or_narrow_ones():
    train, test = examples(20_000, seed=1), examples(20_000, seed=2)
    loss = FoldLoss.of(BAND, train, test)

    def of(width):
        return loss.blocks(np.tile([0.5, 0.5 - width, 0.5 + width], (20_000, 1))).sum()

    true_width = 1.2816 * 2.0
    assert of(true_width) < min(of(0.7 * true_width), of(1.4 * true_width))


def test_the_loss_of_a_probability_is_the_weighted_log_loss_and_certainty_is_finite():
    outcome = (np.arange(400) % 4 == 0).astype(float)
    test = examples(label=outcome)
    loss = FoldLoss.of(CHANCE, test, test)
    expected = -np.average(np.where(outcome == 1.0, np.log(0.3), np.log(0.7)), weights=test.weight)
    assert loss.blocks(np.full((400, 1), 0.3)).sum() == pytest.approx(expected)
    assert 1.0 < loss.blocks(1.0 - outcome[:, None]).sum() < 20.0


def test_blocks_are_consecutive_rows_and_their_weights_sum_to_one():
    test = examples()
    loss = FoldLoss.of(MEAN, examples(seed=1), test)
    assert len(loss.block_weights) == BLOCKS_PER_FOLD
    assert loss.block_weights.sum() == pytest.approx(1.0)
    forecast = test.label[:, None].copy()
    forecast[:50] += 1.0
    assert (loss.blocks(forecast) > 0.0).tolist() == [True] + [False] * 7


def test_rows_of_weight_zero_make_no_difference_to_the_loss():
    weight = (np.arange(400) % 2).astype(float)
    test = examples(weight=weight)
    forecast = np.zeros((400, 1))
    plain = FoldLoss.of(MEAN, examples(seed=1), test).blocks(forecast)
    spoilt = forecast + 100.0 * (weight == 0.0)[:, None]
    np.testing.assert_array_equal(FoldLoss.of(MEAN, examples(seed=1), test).blocks(spoilt), plain)


@pytest.mark.parametrize(
    ("head", "train", "test"),
    [
        (MEAN, examples(), examples(weight=np.zeros(400))),
        (MEAN, examples(weight=np.zeros(400)), examples()),
        (MEAN, examples(label=np.ones(400)), examples(label=np.ones(400))),
    ],
)
def test_a_fold_that_can_tell_nothing_has_no_loss(head, train, test):
    assert FoldLoss.of(head, train, test) is None


def test_a_forecast_that_is_no_number_is_an_error():
    loss = FoldLoss.of(MEAN, examples(seed=1), examples())
    with pytest.raises(ValueError, match="the loss of the forecasts is not finite"):
        loss.blocks(np.full((400, 1), np.nan))


def test_weighted_quantiles_are_those_of_repeated_values():
    values, weight = np.array([3.0, 1.0, 2.0]), np.array([1.0, 5.0, 4.0])
    repeated = np.repeat(values, weight.astype(int))
    levels = (0.25, 0.5, 0.75, 0.95)
    assert weighted_quantiles(values, weight, levels) == np.quantile(repeated, levels, method="inverted_cdf").tolist()


def test_gain_is_the_mean_difference_over_folds():
    reference, candidate = [[0.5, 0.5], [0.6, 0.6]], [[0.4, 0.5], [0.5, 0.4]]
    assert gain(reference, candidate, [[0.5, 0.5]] * 2).mean == pytest.approx((0.1 + 0.3) / 2)


def test_the_error_of_a_gain_is_about_right_for_independent_blocks():
    rng = np.random.default_rng(0)
    shares = [[0.125] * 8] * 4
    gains = []
    for _ in range(400):
        parts = rng.normal(0.0, 1.0, (4, 8)) * 0.125
        gains.append(gain(parts.tolist(), np.zeros((4, 8)).tolist(), shares))
    actual = np.std([each.mean for each in gains])
    claimed = np.mean([each.error for each in gains])
    # The larger of two estimates is a little too careful.
    assert actual < claimed < 1.6 * actual


def test_folds_that_disagree_widen_the_error_beyond_that_of_their_blocks():
    steady = [[0.1, 0.1], [0.1, 0.1]]
    torn = [[0.2, 0.2], [0.0, 0.0]]
    zero, shares = [[0.0, 0.0]] * 2, [[0.5, 0.5]] * 2
    assert gain(steady, zero, shares).error == pytest.approx(0.0)
    assert gain(torn, zero, shares).error == pytest.approx(0.2)


def test_one_fold_has_the_error_of_its_blocks():
    rng = np.random.default_rng(1)
    parts = rng.normal(size=8) / 8
    found = gain([parts.tolist()], [[0.0] * 8], [[0.125] * 8])
    assert found.error == pytest.approx(np.std(8 * parts, ddof=1) / np.sqrt(8))
