"""Whether an entry signal may become a trade, by what is known of the news. Pure: no clock, no disk, no network."""

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from freqai_ext.news.as_of import AGE_MIN, AVAILABLE, CONFIDENCE, IMPACT, SENTIMENT
from freqai_ext.news.memory import MEMORY_BPS, MEMORY_COUNT
from freqai_ext.news.records import SIGN, Verdict

Side = Literal["long", "short"]
Policy = Literal["deny", "allow", "ta_only"]

REASONS: Final = (
    "confirmed",
    "policy_allow",
    "policy_ta_only",
    "no_rsi_signal",
    "no_verdict",
    "verdict_expired",
    "impact_too_low",
    "wrong_sentiment",
    "confidence_too_low",
    "memory_contradicts",
    "odds_unknown",
    "odds_too_low",
    "fault",
)
"""All reasons of a decision. The first three allow the entry."""

ALLOWING: Final = REASONS[:3]
"""Those that allow the entry."""

_WANTED_SIGN: Final[dict[str, int]] = {"long": 1, "short": -1}
_POLICIES: Final = ("deny", "allow", "ta_only")
_CODES: Final = {reason: code for code, reason in enumerate(REASONS)}

BoolArray = np.ndarray[Any, np.dtype[np.bool_]]
FloatArray = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Thresholds:
    """What a verdict must be worth.

    Attributes
    ----------
    min_impact_score, min_confidence
        A verdict confirms with so much of each, or more.
    max_age_min
        A verdict is valid for so many minutes, the last moment included.
    min_memories
        The memory has a say once so many earlier verdicts are known with what followed them.
    max_contradiction_bps
        It contradicts where the mean return in the direction of the verdict is below minus this.
    min_p_up
        Least odds of a rise for a long, and of a fall for a short; ``None`` does not ask for any.
    """

    min_impact_score: float = 0.3
    min_confidence: float = 0.0
    max_age_min: float = 90.0
    min_memories: float = 5.0
    max_contradiction_bps: float = 0.0
    min_p_up: float | None = None


@dataclass(frozen=True)
class NewsNumbers:
    """What the gate looks at of a verdict.

    Attributes
    ----------
    impact_score, confidence
        In [0, 1].
    sentiment
        1 for positive, 0 for neutral, -1 for negative.
    age_min
        Minutes since the verdict was made; a negative age is a verdict that is not available yet, which is none.
    """

    impact_score: float
    sentiment: float
    confidence: float
    age_min: float

    @classmethod
    def of(cls, verdict: Verdict, at_s: float) -> "NewsNumbers":
        """Return the numbers of a verdict as they are at ``at_s`` (UTC seconds).

        Its age counts from when it was made, however long it took to get here; before it was available here it has a
        negative age.
        """
        is_available = at_s >= verdict.available_at_s
        age_min = (at_s - (verdict.age_from_s if is_available else verdict.available_at_s)) / 60.0
        return cls(verdict.impact_score, float(SIGN[verdict.sentiment]), verdict.confidence, age_min)


@dataclass(frozen=True)
class Inputs:
    """All that a decision is made of.

    Attributes
    ----------
    side, policy
        Direction of the entry, and ``freqai_ext.news.policy``.
    thresholds
        What is asked for.
    rsi_signal
        Whether the indicators signal an entry on that side.
    news
        The newest verdict on the asset; ``None`` where there is none.
    memory_bps, memory_count
        Mean return after similar verdicts, positive where the verdicts were right, and how many they were; ``None``
        where the memory is not asked.
    p_up
        Odds of a rise in [0, 1]; ``None`` where nothing tells them, which denies where ``min_p_up`` is set.
    """

    side: Side
    policy: Policy
    thresholds: Thresholds
    rsi_signal: bool
    news: NewsNumbers | None = None
    memory_bps: float | None = None
    memory_count: float | None = None
    p_up: float | None = None

    @property
    def detail(self) -> str:
        """The numbers as text, for the journal."""
        parts = [f"policy={self.policy}", f"rsi_signal={int(self.rsi_signal)}"]
        if self.news is not None:
            parts += [
                f"impact={self.news.impact_score:.3f}",
                f"sentiment={self.news.sentiment:+.0f}",
                f"confidence={self.news.confidence:.3f}",
                f"age_min={self.news.age_min:.1f}",
            ]
        if self.memory_bps is not None and self.memory_count is not None:
            parts.append(f"memory_bps={self.memory_bps:.1f} of {self.memory_count:.0f}")
        if self.p_up is not None:
            parts.append(f"p_up={self.p_up:.3f}")
        return " ".join(parts)


@dataclass(frozen=True)
class Outcome:
    """A decision: whether the entry is allowed, and which of :data:`REASONS` decided."""

    allowed: bool
    reason: str


def decide(inputs: Inputs) -> Outcome:
    """Decide on an entry.

    The checks run in this order and the first that fails gives the reason: RSI signal; verdict there, not too old,
    impact, sentiment, confidence; memory; odds. Policy ``"allow"`` lets pass what has no valid verdict, and
    ``"ta_only"`` looks at no news at all; both still ask for the odds where ``min_p_up`` is set. A number that is NaN
    or out of its range denies, whatever the policy that looks at it.

    Examples
    --------
    >>> news = NewsNumbers(impact_score=0.7, sentiment=1.0, confidence=0.8, age_min=12.0)
    >>> decide(Inputs("long", "deny", Thresholds(), rsi_signal=True, news=news))
    Outcome(allowed=True, reason='confirmed')
    >>> decide(Inputs("short", "deny", Thresholds(), rsi_signal=True, news=news))
    Outcome(allowed=False, reason='wrong_sentiment')
    """
    if inputs.side not in _WANTED_SIGN or inputs.policy not in _POLICIES:
        return Outcome(False, "fault")
    # A NaN is true to Python.
    if inputs.rsi_signal != 1:
        return Outcome(False, "no_rsi_signal")
    reason = "policy_ta_only" if inputs.policy == "ta_only" else _reason_of_news(inputs)
    if _CODES[reason] < len(ALLOWING):
        reason = _reason_of_odds(inputs) or reason
    return Outcome(_CODES[reason] < len(ALLOWING), reason)


def decide_columns(
    columns: pd.DataFrame,
    rsi_signal: pd.Series,
    side: Side,
    policy: Policy,
    thresholds: Thresholds,
    p_up: pd.Series | None = None,
) -> pd.DataFrame:
    """Decide for every candle at once, each row exactly as :func:`decide` does.

    Parameters
    ----------
    columns
        What was known when each candle closed: those of :class:`~freqai_ext.news.as_of.VerdictHistory`, of which the
        other numbers are not looked at where ``news-available`` is 0, and those of
        :class:`~freqai_ext.news.memory.Memory` where the memory is asked.
    rsi_signal
        Whether the indicators signal at each candle; anything but true or 1 is no signal.
    p_up
        Odds of a rise; ``None`` where nothing tells them.

    Returns
    -------
    DataFrame
        The index of ``columns``; ``allowed`` (bool) and ``reason`` (a category of :data:`REASONS`).
    """
    length = len(columns)
    if side not in _WANTED_SIGN or policy not in _POLICIES:
        return _decided(np.full(length, _CODES["fault"], dtype=np.int8), columns.index)
    checks: list[tuple[BoolArray, str]] = [(_floats(rsi_signal) != 1.0, "no_rsi_signal")]
    allowing = np.full(length, _CODES["policy_ta_only"], dtype=np.int8)
    if policy != "ta_only":
        allowing, of_news = _checks_of_news(columns, _WANTED_SIGN[side], policy, thresholds)
        checks += of_news
    if thresholds.min_p_up is not None:
        odds = np.full(length, np.nan) if p_up is None else _floats(p_up)
        odds = odds if side == "long" else 1.0 - odds
        checks += [
            (np.isnan(odds), "odds_unknown"),
            (~_in_unit(odds), "fault"),
            (~(odds >= thresholds.min_p_up), "odds_too_low"),
        ]
    conditions = [condition for condition, _ in checks]
    codes = [np.int8(_CODES[reason]) for _, reason in checks]
    return _decided(np.select(conditions, codes, default=allowing), columns.index)


def contradicts(side: Side, news: NewsNumbers | None, thresholds: Thresholds) -> bool:
    """Return whether the news speak against a trade that is open: the sentiment is opposite, and the verdict is valid,
    with the impact and confidence that an entry would need. No verdict, or one with a fault, contradicts nothing."""
    if news is None or side not in _WANTED_SIGN or not _is_sound(news):
        return False
    return (
        0.0 <= news.age_min <= thresholds.max_age_min
        and news.sentiment == -_WANTED_SIGN[side]
        and news.impact_score >= thresholds.min_impact_score
        and news.confidence >= thresholds.min_confidence
    )


def _reason_of_news(inputs: Inputs) -> str:
    news, thresholds = inputs.news, inputs.thresholds
    none = "policy_allow" if inputs.policy == "allow" else None
    if news is None:
        return none or "no_verdict"
    if not _is_sound(news):
        return "fault"
    if news.age_min < 0.0:
        return none or "no_verdict"
    if not news.age_min <= thresholds.max_age_min:
        return none or "verdict_expired"
    if not news.impact_score >= thresholds.min_impact_score:
        return "impact_too_low"
    if news.sentiment != _WANTED_SIGN[inputs.side]:
        return "wrong_sentiment"
    if not news.confidence >= thresholds.min_confidence:
        return "confidence_too_low"
    return _reason_of_memory(inputs)


def _reason_of_memory(inputs: Inputs) -> str:
    bps, count, thresholds = inputs.memory_bps, inputs.memory_count, inputs.thresholds
    if bps is None or count is None:
        return "confirmed"
    if not (math.isfinite(bps) and math.isfinite(count) and count >= 0.0):
        return "fault"
    if not count < thresholds.min_memories and not bps >= -thresholds.max_contradiction_bps:
        return "memory_contradicts"
    return "confirmed"


def _reason_of_odds(inputs: Inputs) -> str | None:
    if inputs.thresholds.min_p_up is None:
        return None
    if inputs.p_up is None or math.isnan(inputs.p_up):
        return "odds_unknown"
    odds = inputs.p_up if inputs.side == "long" else 1.0 - inputs.p_up
    if not 0.0 <= odds <= 1.0:
        return "fault"
    return None if odds >= inputs.thresholds.min_p_up else "odds_too_low"


def _is_sound(news: NewsNumbers) -> bool:
    in_range = 0.0 <= news.impact_score <= 1.0 and 0.0 <= news.confidence <= 1.0
    return in_range and news.sentiment in (-1.0, 0.0, 1.0) and math.isfinite(news.age_min)


def _checks_of_news(
    columns: pd.DataFrame, wanted_sign: int, policy: Policy, thresholds: Thresholds
) -> tuple[np.ndarray[Any, np.dtype[np.int8]], list[tuple[BoolArray, str]]]:
    available, age_min = _floats(columns[AVAILABLE]), _floats(columns[AGE_MIN])
    impact, confidence = _floats(columns[IMPACT]), _floats(columns[CONFIDENCE])
    sentiment = _floats(columns[SENTIMENT])
    there = available == 1.0
    sound = _in_unit(impact) & _in_unit(confidence) & np.isin(sentiment, (-1.0, 0.0, 1.0)) & np.isfinite(age_min)
    faulty = (there & ~sound) | ~(there | (available == 0.0))
    too_old = ~(age_min <= thresholds.max_age_min)
    # Of one that is too old the age alone is told.
    expired = too_old & (there | (age_min > thresholds.max_age_min))
    none = ~expired & (~there | (age_min < 0.0))
    valid = ~none & ~expired
    checks: list[tuple[BoolArray, str]] = [(faulty, "fault")]
    if policy == "deny":
        checks += [(none, "no_verdict"), (expired, "verdict_expired")]
    checks += [
        (valid & ~(impact >= thresholds.min_impact_score), "impact_too_low"),
        (valid & (sentiment != wanted_sign), "wrong_sentiment"),
        (valid & ~(confidence >= thresholds.min_confidence), "confidence_too_low"),
    ]
    if MEMORY_BPS in columns and MEMORY_COUNT in columns:
        bps, count = _floats(columns[MEMORY_BPS]), _floats(columns[MEMORY_COUNT])
        known = np.isfinite(bps) & np.isfinite(count) & (count >= 0.0)
        against = ~(count < thresholds.min_memories) & ~(bps >= -thresholds.max_contradiction_bps)
        checks += [(valid & ~known, "fault"), (valid & against, "memory_contradicts")]
    allowing = np.where(valid, _CODES["confirmed"], _CODES["policy_allow"]).astype(np.int8)
    return allowing, checks


def _decided(codes: np.ndarray[Any, np.dtype[np.int8]], index: pd.Index) -> pd.DataFrame:
    reasons = pd.Categorical.from_codes(codes, categories=pd.Index(REASONS))
    return pd.DataFrame({"allowed": codes < len(ALLOWING), "reason": reasons}, index=index)


def _floats(values: pd.Series) -> FloatArray:
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _in_unit(values: FloatArray) -> BoolArray:
    return (values >= 0.0) & (values <= 1.0)
