"""Linear regression and classification with a penalty."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.special import expit

from freqai_ext._settings import Settings
from freqai_ext.learning.boosting import gain_shares
from freqai_ext.learning.constant import constant_of
from freqai_ext.learning.design import Design, Examples
from freqai_ext.learning.learner import Fitted, Head
from freqai_ext.learning.one_hot import one_hot_inputs, sum_by_feature
from freqai_ext.learning.parameter_names import LEFT_OUT, Counterpart, same
from freqai_ext.learning.parameter_settings import NO_LIMIT, settings_from_parameters, settings_rules
from freqai_ext.learning.parameters import ParameterRules
from freqai_ext.learning.sequence.input_scale import InputScale
from freqai_ext.learning.threads import at_most_threads
from freqai_ext.learning.weighted_rows import weighted_rows

_TRANSLATED = MappingProxyType(
    {
        "reg_lambda": ("alpha", same),
        "l2_regularization": ("alpha", same),
    }
)
_COUNTERPARTS = MappingProxyType(
    {
        "threads": Counterpart("threads", neutral=NO_LIMIT),
        **dict.fromkeys(("seed", "verbosity", "patience", "device"), LEFT_OUT),
        "rate": Counterpart(is_unused=True),
    }
)


class LinearSettings(Settings):
    """How a linear model is fitted.

    Attributes
    ----------
    alpha
        Penalty of the squared coefficients per row, for features of standard deviation 1: at 1 a feature on its own
        keeps half of its coefficient, directions that many features share keep more.
    threads
        Threads of a fit.
    """

    alpha: float = Field(default=0.3, gt=0.0, allow_inf_nan=False)
    threads: int = Field(default=1, ge=1)


def learner_rules() -> ParameterRules:
    """Return what the learner accepts."""
    return settings_rules(
        LinearSettings, "the linear learner", _TRANSLATED, family="linear", counterparts=_COUNTERPARTS
    )


@dataclass(frozen=True)
class LinearLearner:
    """Ridge regression of the mean on scaled features, or logistic regression with the same penalty.

    The quantiles are the mean plus the weighted quantiles of the residuals, which are stretched for the degrees of
    freedom that the fit used up: bands as wide for every row. There are no rounds, so evaluation rows and a former
    model make no difference.

    Attributes
    ----------
    settings
        The penalty.
    name, history_rows
        See :class:`~freqai_ext.learning.learner.Learner`.

    References
    ----------
    Hoerl & Kennard (1970), Ridge Regression: Biased Estimation for Nonorthogonal Problems. Golub, Heath & Wahba (1979),
    Generalized Cross-Validation as a Method for Choosing a Good Ridge Parameter.
    """

    settings: LinearSettings = field(default_factory=LinearSettings)
    name: str = field(default="linear", init=False)
    history_rows: int = field(default=0, init=False)

    @classmethod
    def from_parameters(cls, given: Mapping[str, Any]) -> "LinearLearner":
        """Return the learner of the user's training parameters.

        Raises
        ------
        SettingsError
            For an unknown name or a value that is not valid.
        """
        return cls(settings_from_parameters(LinearSettings, given, learner_rules()))

    def fit(
        self,
        head: Head,
        train: Examples,
        evaluation: Examples | None = None,  # noqa: ARG002
        rounds: tuple[int, ...] | None = None,  # noqa: ARG002
        former: Fitted | None = None,  # noqa: ARG002
    ) -> Fitted:
        """Return what was learnt from ``train``; see :class:`~freqai_ext.learning.learner.Learner`."""
        train = weighted_rows(train)
        if constant := constant_of(head, train):
            return constant
        inputs = InputScale.measure(train.design, train.rows)
        with at_most_threads(self.settings.threads, "blas"):
            features = one_hot_inputs(inputs, train.features).astype(np.float64)
            centre = np.average(features, axis=0, weights=train.weight)
            features -= centre
            if head.kind == "probability":
                slopes, intercept = _logistic(features, train.label, train.weight, self.settings.alpha)
                offsets = np.zeros(1)
            else:
                slopes, intercept, residual = _ridge(features, train.label, train.weight, self.settings.alpha)
                offsets = np.concatenate([[0.0], _quantiles(residual, train.weight, head.quantiles)])
        return FittedLinear(head, inputs, slopes, float(intercept - centre @ slopes), offsets)


@dataclass(frozen=True, eq=False)
class FittedLinear:
    """Coefficients; see :class:`~freqai_ext.learning.learner.Fitted`.

    Attributes
    ----------
    head
        What was asked for.
    inputs
        How features are scaled.
    slopes
        Shape ``(columns,)``: per scaled number, then per code of each category.
    intercept
        Prediction, or log odds, where all columns are 0.
    offsets
        Shape ``(head.outputs,)``: what is added to the mean for each column of a prediction.
    """

    head: Head
    inputs: InputScale
    slopes: NDArray[np.float64]
    intercept: float
    offsets: NDArray[np.float64]
    rounds: ClassVar[tuple[int, ...]] = ()
    curves: ClassVar[tuple[NDArray[np.float64], ...]] = ()

    def at(self, rounds: tuple[int, ...]) -> "FittedLinear":  # noqa: ARG002
        """Return itself: there are no rounds."""
        return self

    def predict(self, design: Design, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return shape ``(len(rows), head.outputs)``."""
        score = self.intercept + one_hot_inputs(self.inputs, design.matrix[rows]) @ self.slopes
        if self.head.kind == "probability":
            score = expit(score)
        return np.asarray(score[:, None] + self.offsets, dtype=np.float64)

    def importance(self) -> NDArray[np.float64] | None:
        """Return each feature's share of the sizes of the coefficients, which are those of scaled features."""
        return gain_shares(sum_by_feature(self.inputs, np.abs(self.slopes)))


def _ridge(
    features: NDArray[np.float64], label: NDArray[np.float64], weight: NDArray[np.float64], alpha: float
) -> tuple[NDArray[np.float64], float, NDArray[np.float64]]:
    """Return the slopes, the mean and the residuals as large as those of rows that were not fitted to."""
    total = float(weight.sum())
    mean = float(np.average(label, weights=weight))
    weighted = features * weight[:, None]
    penalised = weighted.T @ features
    penalised.flat[:: len(penalised) + 1] += alpha * total
    factor = cho_factor(penalised, lower=True, check_finite=False)
    slopes = np.asarray(cho_solve(factor, weighted.T @ (label - mean), check_finite=False))
    # The trace of the hat matrix is p - penalty * trace(inverse), and the trace of the inverse is |inverse root|².
    root = solve_triangular(factor[0], np.eye(len(penalised)), lower=True, check_finite=False)
    used = 1.0 + len(penalised) - alpha * total * float(np.sum(root**2))
    rows = total**2 / float(np.sum(weight**2))
    # As in generalised cross-validation, where the squares are divided by the square of this.
    return slopes, mean, (label - mean - features @ slopes) / max(1.0 - used / rows, 0.1)


def _quantiles(
    residual: NDArray[np.float64], weight: NDArray[np.float64], levels: tuple[float, ...]
) -> NDArray[np.float64]:
    return np.array([np.quantile(residual, level, weights=weight, method="inverted_cdf") for level in levels])


def _logistic(
    features: NDArray[np.float64], label: NDArray[np.float64], weight: NDArray[np.float64], alpha: float
) -> tuple[NDArray[np.float64], float]:
    from sklearn.linear_model import LogisticRegression

    # scikit-learn penalises half of the squares, against the sum over rows of the log loss. The curvature of the log
    # loss is at most 1/4 of that of the squared error.
    model = LogisticRegression(C=4.0 / (alpha * float(weight.sum())), max_iter=1000)
    model.fit(features, label, sample_weight=weight)
    return model.coef_[0], float(model.intercept_[0])
