"""A small market whose returns follow a feature, and learners that are quick enough for every test."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from freqai_ext.learning.design import Design, Examples
from freqai_ext.learning.learner import Fitted, Head
from freqai_ext.signals import Question, Target, TrainingSet

CANDLE_NS = 300 * 1_000_000_000
START_NS = pd.Timestamp("2025-01-01", tz="UTC").value
HORIZON = 6


@dataclass(frozen=True, eq=False)
class FittedLine:
    """Coefficients of the mean or the log odds, and how far the quantiles lie from the mean."""

    coefficients: NDArray[np.float64]
    offsets: tuple[float, ...]
    is_probability: bool
    rounds: tuple[int, ...] = ()
    curves: tuple[NDArray[np.float64], ...] = ()

    def at(self, rounds: tuple[int, ...]) -> "FittedLine":
        return self

    def predict(self, design: Design, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        mean = np.column_stack([np.ones(len(rows)), design.matrix[rows]]) @ self.coefficients
        if self.is_probability:
            return (1.0 / (1.0 + np.exp(-4.0 * (mean - 0.5))))[:, None]
        return np.column_stack([mean, *(mean + offset for offset in self.offsets)])

    def importance(self) -> NDArray[np.float64] | None:
        size = np.abs(self.coefficients[1:])
        return size / size.sum() if size.sum() else None


@dataclass(frozen=True)
class LineLearner:
    """Ridge regression, and quantiles of its residuals; of its fits it notes the examples and the former."""

    name: str = "line"
    history_rows: int = 0
    fits: list[tuple[Head, Examples, Fitted | None]] = field(default_factory=list)

    def fit(
        self,
        head: Head,
        train: Examples,
        evaluation: Examples | None = None,
        rounds: tuple[int, ...] | None = None,
        former: Fitted | None = None,
    ) -> FittedLine:
        self.fits.append((head, train, former))
        inputs = np.column_stack([np.ones(len(train)), train.features])
        weighted = inputs * train.weight[:, None]
        coefficients = np.linalg.solve(weighted.T @ inputs + np.eye(inputs.shape[1]), weighted.T @ train.label)
        residuals = train.label - inputs @ coefficients
        offsets = tuple(float(np.quantile(residuals, level)) for level in head.quantiles)
        return FittedLine(coefficients, offsets, head.kind == "probability")


@dataclass(frozen=True, eq=False)
class ExampleMarket:
    """Candles of which all is known; arrays have one row per pair and one column per candle.

    The return over the horizon is ``signal`` parts of the first feature and the rest noise, in units of a volatility
    that doubles in the second half.
    """

    features: NDArray[np.float32]
    volatility: NDArray[np.float64]
    returns: NDArray[np.float64]

    @classmethod
    def make(
        cls, rows: int = 1500, *, pairs: int = 1, signal: float = 0.5, seed: int = 0, volatility: float = 0.002
    ) -> "ExampleMarket":
        generator = np.random.default_rng(seed)
        features = generator.normal(size=(pairs, rows, 3)).astype(np.float32)
        usual = np.tile(np.where(np.arange(rows) < rows / 2, volatility, 2 * volatility), (pairs, 1))
        moves = signal * features[..., 0] + np.sqrt(1 - signal**2) * generator.normal(size=(pairs, rows))
        return cls(features, usual, usual * np.sqrt(HORIZON) * moves)

    @property
    def pairs(self) -> tuple[str, ...]:
        return tuple(f"P{number}/USDT" for number in range(len(self.features)))

    @property
    def made_at_ns(self) -> NDArray[np.int64]:
        return START_NS + CANDLE_NS * (1 + np.arange(self.features.shape[1]))

    @property
    def labels(self) -> dict[str, NDArray[np.float64]]:
        return {"&-return": self.returns, "&-up": (self.returns > 0.0).astype(float)}

    def training(self, until: int | None = None, *, names: tuple[str, ...] = ("&-return",)) -> TrainingSet:
        """Return the first ``until`` rows of each pair, with the labels that are known then."""
        count = self.features.shape[1] if until is None else until
        made_at = np.tile(self.made_at_ns[:count], len(self.pairs))
        pair = np.repeat(np.arange(len(self.pairs)), count)
        targets = []
        for name in names:
            label = self.labels[name][:, :count].copy()
            label[:, count - HORIZON :] = np.nan
            kind: Any = "binary" if name == "&-up" else "continuous"
            targets.append(Target(name, kind, label.ravel(), HORIZON, made_at + HORIZON * CANDLE_NS, is_return=True))
        matrix = np.ascontiguousarray(self.features[:, :count].reshape(-1, 3))
        return TrainingSet(
            Design(matrix, ("a", "b", "c"), pair * count),
            self.pairs,
            pair,
            made_at,
            self.volatility[:, :count].ravel(),
            np.ones(len(pair)),
            tuple(targets),
            CANDLE_NS,
        )

    def question(self, start: int, stop: int, number: int = 0, pair: str | None = None) -> Question:
        """Ask for the rows ``[start, stop)`` of a pair; outcomes are those known at the last of them."""
        index = pd.DatetimeIndex(self.made_at_ns[: stop - HORIZON], tz="UTC")
        return Question(
            Design(self.features[number], ("a", "b", "c"), np.zeros(self.features.shape[1], dtype=np.intp)),
            np.arange(start, stop),
            pair or self.pairs[number],
            self.made_at_ns[start:stop],
            self.volatility[number, start:stop],
            {name: pd.Series(label[number, : stop - HORIZON], index=index) for name, label in self.labels.items()},
        )


@pytest.fixture(scope="session")
def make_market() -> Callable[..., ExampleMarket]:
    return ExampleMarket.make


@pytest.fixture
def line_learner() -> LineLearner:
    return LineLearner()
