"""A judge without a language model: it counts words. A yardstick for judges that cost something, and no more.

It does not understand a headline, and nothing says that what it finds bears on later prices. It knows nothing of the
world, so that its judgements of the past are not tainted, and gives the same ones everywhere.
"""

import math
import re
from typing import Final

from freqai_ext.news._plain_text import one_line
from freqai_ext.news.assets import common_name
from freqai_ext.news.judgement import MAX_REASONING_CHARACTERS, Judgement
from freqai_ext.news.lexicon import DOUBTS, NEGATIONS, PHRASES, WEIGHTS
from freqai_ext.news.prompt import JudgeContext
from freqai_ext.news.records import JudgeIdentity, Sentiment
from freqai_ext.news.scoring import Answer

_MAX_CHARACTERS: Final = 4_000
_WORD: Final = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|\?")
_LONGEST_PHRASE: Final = max(map(len, PHRASES))
_NEGATED: Final = -0.5
_WORDS_NEGATED: Final = 3
_DOUBTED: Final = 0.5
_OTHER_ASSET: Final = 0.4
_NEUTRAL_BELOW: Final = 0.3
_SCORE_OF_STRONG_NEWS: Final = 2.5
_WORDS_OF_FULL_CONFIDENCE: Final = 3.0
_HALF_LIFE_H: Final = 6.0


class LexiconJudge:
    """Judges by a list of words with weights, negation, doubt, and whether the asset is named.

    Examples
    --------
    >>> LexiconJudge().judge("SEC approves spot Solana ETF", "SOL").sentiment
    'positive'
    >>> LexiconJudge().judge("Exchange denies it was hacked", "BTC").impact_score < 0.3
    True
    """

    name: Final = "lexicon-1"
    """What verdicts call their model; changes with the words and the arithmetic."""

    identity: Final = JudgeIdentity("lexicon", name, "1")
    """Who judged, in verdicts on an archive. No prompt is asked, so that its version never changes."""

    async def answer(self, context: JudgeContext) -> Answer:
        """Return :meth:`judge_context`, for :func:`~freqai_ext.news.scoring.score_articles`."""
        return Answer(self.judge_context(context))

    def judge(self, title_and_text: str, asset: str, name: str | None = None) -> Judgement:
        """Return what one piece of news says of ``asset``, which people also call ``name``.

        ``impact_score`` is ``1 - exp(-|score| / 2.5)`` of the summed weights; below a score of 0.3 it is neutral.
        ``confidence`` is high where several words agree.
        """
        return _judgement([(_reading(title_and_text, asset, name), 1.0)])

    def judge_context(self, context: JudgeContext) -> Judgement:
        """Return what all items of ``context`` say together, each weighing half as much with every 6 hours of age.

        Items dated after ``now_s`` do not count; those without a date count as 6 hours old. Numbers, earlier verdicts
        and facts are not looked at.
        """
        readings: list[tuple[_Reading, float]] = []
        for item in context.items:
            published_at_s = item.published_at_s
            dated = published_at_s is not None and math.isfinite(published_at_s)
            age_h = (context.now_s - published_at_s) / 3_600 if dated and published_at_s is not None else _HALF_LIFE_H
            if age_h >= 0:
                reading = _reading(f"{item.title} {item.text}", context.asset, context.name)
                readings.append((reading, 0.5 ** (age_h / _HALF_LIFE_H)))
        return _judgement(readings)


class _Reading:
    """The words found in one text, with what they weigh there."""

    def __init__(self, words: list[tuple[str, float]]) -> None:
        self.words = words
        self.score = sum(weight for _, weight in words)
        self.strength = sum(abs(weight) for _, weight in words)


def _reading(text: str, asset: str, name: str | None) -> _Reading:
    tokens = _WORD.findall(one_line(text, _MAX_CHARACTERS).lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    factor = 1.0 if _names(tokens, asset, name) else _OTHER_ASSET
    if "?" in tokens or not DOUBTS.isdisjoint(tokens):
        factor *= _DOUBTED
    found: list[tuple[str, float]] = []
    counted: set[str] = set()
    position = 0
    while position < len(tokens):
        phrase, weight = _at(tokens, position)
        shown = " ".join(phrase)
        # A text repeats itself and its headline.
        if weight and shown not in counted:
            counted.add(shown)
            negated = not NEGATIONS.isdisjoint(tokens[max(position - _WORDS_NEGATED, 0) : position])
            found.append((f"not {shown}" if negated else shown, weight * factor * (_NEGATED if negated else 1.0)))
        position += len(phrase)
    return _Reading(found)


def _at(tokens: list[str], position: int) -> tuple[tuple[str, ...], float]:
    for length in range(_LONGEST_PHRASE, 1, -1):
        phrase = tuple(tokens[position : position + length])
        if phrase in PHRASES:
            return phrase, PHRASES[phrase]
    word = tokens[position]
    return (word,), WEIGHTS.get(word, 0.0)


def _names(tokens: list[str], asset: str, name: str | None) -> bool:
    called = [asset.lower()]
    called += [spoken.lower() for spoken in (name, common_name(asset.upper(), {})) if spoken]
    text = f" {' '.join(tokens)} "
    return any(f" {' '.join(_WORD.findall(spoken))} " in text for spoken in called)


def _judgement(readings: list[tuple[_Reading, float]]) -> Judgement:
    score = sum(reading.score * weight for reading, weight in readings)
    strength = sum(reading.strength * weight for reading, weight in readings)
    found = sum(len(reading.words) * weight for reading, weight in readings)
    if strength == 0.0:
        return Judgement(impact_score=0.0, sentiment="neutral", confidence=0.0, reasoning="No word of the lexicon.")
    sentiment: Sentiment = "neutral" if abs(score) < _NEUTRAL_BELOW else "positive" if score > 0 else "negative"
    agreement = abs(score) / strength
    return Judgement(
        impact_score=round(1.0 - math.exp(-abs(score) / _SCORE_OF_STRONG_NEWS), 4),
        sentiment=sentiment,
        confidence=round(agreement * min(found / _WORDS_OF_FULL_CONFIDENCE, 1.0), 4),
        reasoning=_reasoning(readings),
    )


def _reasoning(readings: list[tuple[_Reading, float]]) -> str:
    totals: dict[str, float] = {}
    for reading, weight in readings:
        for word, value in reading.words:
            totals[word] = totals.get(word, 0.0) + value * weight
    strongest = sorted(totals.items(), key=lambda entry: (-abs(entry[1]), entry[0]))[:8]
    return ", ".join(f"{word} {value:+.2f}" for word, value in strongest)[:MAX_REASONING_CHARACTERS]
