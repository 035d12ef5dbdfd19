"""Several learners stacked into one."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from freqai_ext.errors import FreqaiExtError
from freqai_ext.learning.cross_fit import Folds, common_rounds, fold_forecasts
from freqai_ext.learning.design import Design, Examples
from freqai_ext.learning.learner import Fitted, Head, Learner
from freqai_ext.learning.non_negative_weights import pooling_weights, shrinking_weights

logger = logging.getLogger(__name__)

Splitter = Callable[[Examples], Folds]
_PROBE_ROWS = 64


@dataclass(frozen=True, eq=False)
class FittedStack:
    """Members and the weights of their forecasts.

    The mean is the weighted sum of the members' means. Each quantile is the weighted average of the members' quantiles
    of that level, with the weights scaled to a sum of 1 (equal ones where all are 0): what shrinks the mean must not
    narrow the spread. The probability is the weighted average of the members' probabilities.

    Attributes
    ----------
    names
        Names of the members that could be fitted.
    members
        What each has learnt.
    shares
        Shape ``(members,)``: weight of each mean or probability, not negative, sum at most 1.
    is_complete
        Whether no member was left out.
    """

    names: tuple[str, ...]
    members: tuple[Fitted, ...]
    shares: NDArray[np.float64]
    is_complete: bool

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each member by name."""
        return dict(zip(self.names, self.shares.tolist(), strict=True))

    @property
    def rounds(self) -> tuple[int, ...]:
        """The rounds of the first member's parts, then of the second's, and so on."""
        return tuple(count for member in self.members for count in member.rounds)

    @property
    def curves(self) -> tuple[NDArray[np.float64], ...]:
        """The curves of the members, as :attr:`rounds`; empty where a member was left out or has rounds but no curves.

        Stacks of other folds may have other members then, and their parts could not be matched.
        """
        if not self.is_complete or any(len(member.curves) != len(member.rounds) for member in self.members):
            return ()
        return tuple(curve for member in self.members for curve in member.curves)

    def at(self, rounds: tuple[int, ...]) -> "FittedStack":
        """Return the stack of the members after fewer rounds, with the same weights."""
        parts = _divided(rounds, [len(member.rounds) for member in self.members])
        members = (member.at(part) if part else member for member, part in zip(self.members, parts, strict=True))
        return replace(self, members=tuple(members))

    def predict(self, design: Design, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the combined forecasts; see the class and :meth:`Fitted.predict`."""
        spread = _scaled_to_one(self.shares)
        combined: NDArray[np.float64] | None = None
        for member, share, part in zip(self.members, self.shares, spread, strict=True):
            if part > 0.0:
                forecast = member.predict(design, rows)
                # The first column is the mean or the probability.
                weights = np.full(forecast.shape[1], part)
                weights[0] = share
                combined = forecast * weights if combined is None else combined + forecast * weights
        assert combined is not None
        return combined

    def importance(self) -> NDArray[np.float64] | None:
        """Return the weighted mean of the importances of the members that tell theirs."""
        told = [
            (share, importance)
            for share, member in zip(_scaled_to_one(self.shares), self.members, strict=True)
            if (importance := member.importance()) is not None
        ]
        if not told:
            return None
        shares = _scaled_to_one(np.array([share for share, _ in told]))
        return np.asarray(shares @ np.array([importance for _, importance in told]))


@dataclass(frozen=True)
class StackedLearner:
    """Members whose forecasts are weighted by how well they forecast rows that they have not seen.

    Each member is fitted to purged folds of the training rows, and the weights are those that combine these out-of-fold
    forecasts best: :func:`~freqai_ext.learning.non_negative_weights.shrinking_weights` for means,
    :func:`~freqai_ext.learning.non_negative_weights.pooling_weights` for probabilities. Without any fold they are
    equal. Then each member is fitted to all rows. So a fit costs ``folds + 1`` fits of every member.

    A member that fails is left out, and a warning names it.

    Attributes
    ----------
    members
        At least one. Members of the same name are told apart by a number: ``lightgbm``, ``lightgbm_2``.
    splitter
        Gives the folds of any examples of the design that is trained on, in positions in those examples. It has to
        purge: no label of a training row may reach into the time of the test rows. It may give none.
    overlap
        Number of rows whose labels share most of their interval, about the label's horizon divided by the distance of
        training rows. The greater, the more equal the weights.
    least_sum
        Least sum of the weights of the means, from 0 to 1. Above 0 it keeps the order of the forecasts where none of
        their size is to be trusted.
    """

    members: tuple[Learner, ...]
    splitter: Splitter
    overlap: float = 1.0
    least_sum: float = 0.05

    def __post_init__(self) -> None:
        if not self.members:
            raise ValueError("members: none given; a stack needs at least one learner")
        if not self.overlap >= 1.0:
            raise ValueError(f"overlap: {self.overlap} is not valid; it must be at least 1")
        if not 0.0 <= self.least_sum <= 1.0:
            raise ValueError(f"least_sum: {self.least_sum} is not valid; it must be between 0 and 1")

    @property
    def name(self) -> str:
        """Short name for logs and reports."""
        return "stack"

    @property
    def history_rows(self) -> int:
        """The longest look-back of the members."""
        return max(member.history_rows for member in self.members)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the members, each once."""
        seen: dict[str, int] = {}
        names = []
        for member in self.members:
            seen[member.name] = seen.get(member.name, 0) + 1
            names.append(member.name if seen[member.name] == 1 else f"{member.name}_{seen[member.name]}")
        return tuple(names)

    def fit(
        self,
        head: Head,
        train: Examples,
        evaluation: Examples | None = None,
        rounds: tuple[int, ...] | None = None,
        former: Fitted | None = None,
    ) -> FittedStack:
        """Return the members fitted to ``train``, and their weights.

        The weights are always learnt inside ``train``, never from ``evaluation``.

        Parameters
        ----------
        evaluation
            Members stop early on it, and give their curves. Without it, each is trained for the number of rounds that
            served its folds together best.
        rounds
            One number per part of each member, as :attr:`FittedStack.rounds` has them. The folds' models, and so the
            weights, are made with the same numbers. To learn how many parts each member has, it is fitted to a few
            rows first.
        former
            An earlier stack: each member continues from the one of its name.

        Raises
        ------
        ValueError
            If the number of ``rounds`` is not that of the members' parts.
        RuntimeError
            If every member fails.
        FreqaiExtError
            As the members raise it, e.g. for a wrong setting or a library that is not installed.
        """
        train = train.take(train.weight > 0.0)
        folds = [(rows, test) for rows, test in self.splitter(train) if len(rows) and len(test)]
        earlier = dict(zip(former.names, former.members, strict=True)) if isinstance(former, FittedStack) else {}
        job = _Job(head, train, evaluation, folds)
        fitted: dict[str, tuple[Fitted, list[NDArray[np.float64]]]] = {}
        failures: dict[str, Exception] = {}
        for name, member, own in zip(self.names, self.members, self._own_rounds(job, rounds), strict=True):
            try:
                fitted[name] = job.fit(member, own, earlier.get(name))
            except FreqaiExtError:
                raise
            except Exception as error:
                failures[name] = error
                logger.warning("Stack: left out member '%s', which failed: %s: %s", name, type(error).__name__, error)
        if not fitted:
            listed = "; ".join(f"{name}: {error}" for name, error in failures.items())
            raise RuntimeError(f"stack: every member failed ({listed})") from next(iter(failures.values()))
        shares = self._shares(job, [forecasts for _, forecasts in fitted.values()])
        return FittedStack(tuple(fitted), tuple(model for model, _ in fitted.values()), shares, not failures)

    def _own_rounds(self, job: "_Job", rounds: tuple[int, ...] | None) -> list[tuple[int, ...] | None]:
        """Return the rounds of each member; ``None`` lets it find them."""
        if rounds is None:
            return [None] * len(self.members)
        if len(self.members) == 1:
            return [rounds or None]
        try:
            parts = [job.parts(member) for member in self.members]
        except FreqaiExtError:
            raise
        except Exception as error:
            # The member will be left out, and which numbers were its own cannot be told.
            logger.warning("Stack: the given rounds are not used, since a member failed: %s", error)
            return [None] * len(self.members)
        return [own or None for own in _divided(rounds, parts)]

    def _shares(self, job: "_Job", forecasts: Sequence[list[NDArray[np.float64]]]) -> NDArray[np.float64]:
        if not job.folds:
            return np.full(len(forecasts), 1.0 / len(forecasts))
        tested = np.concatenate([test for _, test in job.folds])
        columns = np.column_stack([np.concatenate(each)[:, 0] for each in forecasts])
        label, weight = job.train.label[tested], job.train.weight[tested]
        if job.head.kind == "probability":
            return pooling_weights(columns, label, weight, self.overlap)
        shares = shrinking_weights(columns, label, weight, self.overlap)
        return shares if shares.sum() >= self.least_sum else _scaled_to_one(shares) * self.least_sum


@dataclass(frozen=True, eq=False)
class _Job:
    """What all members are fitted to."""

    head: Head
    train: Examples
    evaluation: Examples | None
    folds: Folds

    def fit(
        self, member: Learner, rounds: tuple[int, ...] | None, former: Fitted | None
    ) -> tuple[Fitted, list[NDArray[np.float64]]]:
        """Return the member fitted to all rows, and its out-of-fold forecasts."""
        models = [
            member.fit(self.head, self.train.take(train), None if rounds else self.train.take(test), rounds)
            for train, test in self.folds
        ]
        best = () if rounds else common_rounds(models, [len(test) for _, test in self.folds])
        forecasts = fold_forecasts(models, best, self.train, self.folds)
        if rounds or self.evaluation is not None:
            return member.fit(self.head, self.train, self.evaluation, rounds, former), forecasts
        return member.fit(self.head, self.train, None, best or None, former), forecasts

    def parts(self, member: Learner) -> int:
        """Return the number of parts that the member has."""
        few = np.arange(min(_PROBE_ROWS, len(self.train)))
        return len(member.fit(self.head, self.train.take(few)).rounds)


def _divided(rounds: tuple[int, ...], parts: Sequence[int]) -> list[tuple[int, ...]]:
    if len(rounds) != sum(parts):
        raise ValueError(f"rounds: {len(rounds)} given; the members have {sum(parts)} parts, so give one for each")
    ends = np.cumsum(parts).tolist()
    return [rounds[end - count : end] for end, count in zip(ends, parts, strict=True)]


def _scaled_to_one(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return shares of sum 1; equal ones where all are 0."""
    total = float(shares.sum())
    return shares / total if total > 0.0 else np.full(len(shares), 1.0 / len(shares))
