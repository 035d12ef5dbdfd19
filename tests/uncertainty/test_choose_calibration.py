import numpy as np
import pytest

from freqai_ext.uncertainty import (
    BetaCalibration,
    Calibration,
    IsotonicCalibration,
    PlattCalibration,
    TemperatureCalibration,
    choose_calibration,
)

ROWS = 6_000
SPLITS = [(np.arange(0, start), np.arange(start, start + 1_000)) for start in range(1_000, ROWS, 1_000)]


def draw(truth: Calibration, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    probability = rng.uniform(0.02, 0.98, ROWS)
    return probability, (rng.random(ROWS) < truth.predict(probability)).astype(float)


@pytest.mark.parametrize(
    "truth",
    [
        TemperatureCalibration(temperature=3.0),
        PlattCalibration(slope=0.5, intercept=-1.0),
        BetaCalibration(a=0.1, b=3.0, c=0.0),
        IsotonicCalibration(knots=(0.0, 0.3, 0.31, 0.69, 0.7, 1.0), levels=(0.05, 0.05, 0.5, 0.5, 0.95, 0.95)),
    ],
    ids=lambda truth: type(truth).__name__,
)
def test_the_kind_of_the_distortion_is_chosen_and_fitted_on_all_rows(truth: Calibration) -> None:
    probability, outcome = draw(truth)
    choice = choose_calibration(probability, outcome, SPLITS)
    assert choice.calibration == type(truth).fit(probability, outcome)


def test_a_richer_kind_within_one_standard_error_is_passed_over() -> None:
    probability, outcome = draw(TemperatureCalibration(), seed=9)
    choice = choose_calibration(probability, outcome, SPLITS)
    best = min(choice.scores, key=lambda score: score.log_loss)
    simplest = choice.scores[0]
    assert best.kind == "PlattCalibration"
    assert best.excess == 0.0
    assert 0.0 < simplest.excess <= simplest.excess_error
    assert isinstance(choice.calibration, TemperatureCalibration)


def test_scores_are_the_out_of_fold_log_losses() -> None:
    probability, outcome = draw(PlattCalibration(intercept=-0.5))
    weight = np.random.default_rng(1).uniform(0.1, 1.0, ROWS)
    losses = []
    for train, test in SPLITS[:2]:
        forecast = BetaCalibration.fit(probability[train], outcome[train], weight[train]).predict(probability[test])
        loss = -np.log(np.where(outcome[test] == 1.0, forecast, 1.0 - forecast))
        losses.append((loss * weight[test]).sum() / weight[test].sum())
    choice = choose_calibration(probability, outcome, SPLITS[:2], weight, candidates=[BetaCalibration])
    assert [score.kind for score in choice.scores] == ["BetaCalibration"]
    assert choice.scores[0].log_loss == pytest.approx(np.mean(losses))


def test_with_one_split_the_lowest_loss_wins() -> None:
    probability, outcome = draw(PlattCalibration(slope=0.5, intercept=-1.0))
    choice = choose_calibration(probability, outcome, SPLITS[:1])
    best = min(choice.scores, key=lambda score: score.log_loss)
    assert type(choice.calibration).__name__ == best.kind


def test_outcomes_of_rows_in_no_split_have_no_say_in_the_choice() -> None:
    probability, outcome = draw(PlattCalibration(intercept=-0.5))
    changed = outcome.copy()
    changed[-1_000:] = 1.0 - changed[-1_000:]
    assert (
        choose_calibration(probability, outcome, SPLITS[:3]).scores
        == choose_calibration(probability, changed, SPLITS[:3]).scores
    )
    assert (
        choose_calibration(probability, outcome, SPLITS).scores
        != choose_calibration(probability, changed, SPLITS).scores
    )


def test_no_splits_and_empty_test_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="no splits or no candidates; give at least one of each"):
        choose_calibration([0.5], [1], [])
    with pytest.raises(ValueError, match="one has no test row of positive weight; leave it out"):
        choose_calibration([0.5], [1], [([0], [])])
