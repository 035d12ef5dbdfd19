"""What is kept of news. Times are UTC seconds; three clocks are told apart: contract of the orchestrator, section 9."""

from dataclasses import dataclass
from typing import Final, Literal

Sentiment = Literal["positive", "negative", "neutral"]

Origin = Literal["live", "shared", "imported", "synthetic"]
"""Where a verdict comes from: this bot's own search, another bot's by Graphiti, an archive, or made up for tests."""

JudgeKind = Literal["llm", "lexicon"]
"""What judged: a language model, or a list of words."""

RECORDED: Final = "recorded"
"""The judge of all verdicts that bots made: whichever models they asked, a bot decided by all of them together."""

_KINDS: Final = ("llm", "lexicon")

SIGN: Final[dict[Sentiment, int]] = {"positive": 1, "neutral": 0, "negative": -1}


@dataclass(frozen=True)
class Article:
    """A piece of news.

    Attributes
    ----------
    id
        Of the archive, else derived from address and text.
    title, text, url
        As they came, cleaned of control characters and cut; ``url`` may be empty.
    assets
        Base assets it is about, upper case, such as ``("BTC", "ETH")``.
    published_at_s
        What the source claims; ``None`` where it does not say.
    first_seen_at_s
        When it was fetched, or could have been: an archive's publication plus its latency.
    date_assumed
        What had to be assumed of an archive's date, such as that it has no time; ``None`` where nothing was.
    """

    id: str
    title: str
    text: str
    url: str
    assets: tuple[str, ...]
    published_at_s: float | None
    first_seen_at_s: float
    date_assumed: str | None = None


@dataclass(frozen=True)
class JudgeIdentity:
    """Who judged an archive. Verdicts of two judges on the same news never mix in one backtest.

    Attributes
    ----------
    kind
        A language model or a list of words.
    model
        Which one.
    prompt_version
        How it was asked.

    Examples
    --------
    >>> JudgeIdentity("llm", "qwen3:8b", "2").name
    'llm:qwen3:8b:2'
    """

    kind: JudgeKind
    model: str
    prompt_version: str

    @property
    def name(self) -> str:
        """Its name in settings and reports; never :data:`RECORDED`."""
        return f"{self.kind}:{self.model}:{self.prompt_version}"

    @classmethod
    def of_name(cls, name: str) -> "JudgeIdentity | None":
        """Return the judge of that name; ``None`` where it names none. A model's own name may hold colons."""
        kind, _, rest = name.partition(":")
        model, _, prompt_version = rest.rpartition(":")
        return cls("llm" if kind == "llm" else "lexicon", model, prompt_version) if kind in _KINDS and model else None


@dataclass(frozen=True)
class Verdict:
    """How much news say of an asset's price.

    Attributes
    ----------
    id
        Unique, also among the bots that share it.
    asset
        Base asset, upper case.
    available_at_s
        When all of it existed, after search and judgement. It is used from then on and never before.
    impact_score
        In [0, 1]: how much the news move the price.
    sentiment
        Which way.
    confidence
        In [0, 1].
    reasoning
        At most 500 characters.
    model
        What judged it; the name of a baseline for one that is no language model.
    prompt_version, prompt_sha256
        What it was asked.
    article_ids
        What it was asked about.
    origin, bot
        Where it comes from, and which bot made it.
    trained_until_s
        When the model's knowledge ends; ``None`` where it is not known, or the model knows nothing of the world.
    made_at_s
        When its maker had it, UTC seconds by the maker's clock; ``None`` is ``available_at_s``. A verdict of another
        bot is available here only after it was made, and no fresher for that.
    judge_kind
        What judged it.
    """

    id: str
    asset: str
    available_at_s: float
    impact_score: float
    sentiment: Sentiment
    confidence: float
    reasoning: str
    model: str
    prompt_version: str
    prompt_sha256: str
    article_ids: tuple[str, ...]
    origin: Origin
    bot: str
    trained_until_s: float | None = None
    made_at_s: float | None = None
    judge_kind: JudgeKind = "llm"

    @property
    def judge(self) -> str:
        """The name of the judge: :data:`RECORDED`, or that of the archive's (:class:`JudgeIdentity`)."""
        if self.origin != "imported":
            return RECORDED
        return JudgeIdentity(self.judge_kind, self.model, self.prompt_version).name

    @property
    def age_from_s(self) -> float:
        """From when its age counts, UTC seconds: when it was made, and never later than it was available."""
        return self.available_at_s if self.made_at_s is None else min(self.made_at_s, self.available_at_s)

    @property
    def tainted(self) -> bool:
        """Whether the model may have known what happened next: it was trained after the news came."""
        return self.trained_until_s is not None and self.trained_until_s > self.available_at_s


@dataclass(frozen=True)
class Spending:
    """What the judging of an archive cost.

    Attributes
    ----------
    at_s
        When it was counted, UTC seconds.
    judge
        Name of the judge.
    questions, tokens
        How many.
    """

    at_s: float
    judge: str
    questions: int
    tokens: int


@dataclass(frozen=True)
class Decision:
    """Why an entry was allowed or denied.

    Attributes
    ----------
    pair, side
        Freqtrade's pair, ``"long"`` or ``"short"``.
    decided_at_s
        When.
    allowed
        The decision.
    reason
        A word of :data:`~freqai_ext.news.gate.REASONS`.
    verdict_id
        The verdict it went by; ``None`` where there was none.
    detail
        Numbers that it was made of, as text.
    """

    pair: str
    side: str
    decided_at_s: float
    allowed: bool
    reason: str
    verdict_id: str | None
    detail: str
