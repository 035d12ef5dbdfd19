import math

import numpy as np

from freqai_ext.uncertainty.expert_weights import ExpertWeights


def test_weights_are_those_of_bernstein_online_aggregation() -> None:
    rng = np.random.default_rng(0)
    forecasts, outcomes = rng.normal(1.0, 0.5, (200, 3)), rng.standard_normal(200)
    experts = ExpertWeights([0.0, 0.0, 0.0])
    history: list[list[float]] = []
    regrets = [0.0, 0.0, 0.0]
    weights = [1 / 3, 1 / 3, 1 / 3]
    for guesses, outcome in zip(forecasts, outcomes, strict=True):
        mean = sum(weight * guess for weight, guess in zip(weights, guesses, strict=True))
        slope = 0.2 if outcome <= mean else -0.8
        history.append([slope * (mean - guess) for guess in guesses])
        largest = [max(map(abs, regret)) for regret in history]
        rate = min(0.5 / max(largest), math.sqrt(math.log(3) / sum(worst**2 for worst in largest)))
        regrets = [total + new - rate * new**2 for total, new in zip(regrets, history[-1], strict=True)]
        powers = [math.exp(rate * total) for total in regrets]
        weights = [power / sum(powers) for power in powers]
        experts.update(guesses, outcome, 0.8)
        np.testing.assert_allclose(experts.weights, weights)
    assert max(weights) > 0.4


def test_the_mixture_loses_hardly_more_than_the_best_expert() -> None:
    rng = np.random.default_rng(1)
    outcomes = rng.standard_normal(5_000)
    forecasts = np.array([-1.0, 0.0, 0.85, 3.0])
    experts = ExpertWeights([0.0] * 4)
    mixed = []
    for outcome in outcomes:
        mixed.append(float(experts.weights @ forecasts))
        experts.update(forecasts, outcome, 0.8)

    def loss(quantile: np.ndarray) -> float:
        return float(np.mean(np.where(outcomes > quantile, 0.8, -0.2) * (outcomes - quantile)))

    assert loss(np.array(mixed)) < min(loss(np.full(5_000, guess)) for guess in forecasts) + 0.01


def test_one_expert_has_all_the_weight_and_equal_ones_share_it() -> None:
    for experts in (ExpertWeights([0.0]), ExpertWeights([0.0, 0.0])):
        count = experts.regrets.size
        for outcome in (-1.0, 0.5, 2.0):
            experts.update(np.full(count, 0.7), outcome, 0.8)
        np.testing.assert_array_equal(experts.weights, np.full(count, 1 / count))
