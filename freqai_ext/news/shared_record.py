"""How a verdict stands in a memory that bots share: a sentence for the memory's own model, a line of JSON for bots."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from freqai_ext.news._plain_text import one_line
from freqai_ext.news.records import Sentiment, Verdict

MARKER: Final = "freqai-ext/verdict"
"""Value of the key ``schema`` in our records. Other producers may write to the same group; theirs are left alone."""

LONGEST_CONTENT: Final = 16_384
"""No longer text is looked at, in characters; ours have about a thousand."""

_LONGEST_NAME: Final = 100
_LONGEST_REASONING: Final = 280
_MOST_ARTICLES: Final = 8
_ARTICLE_ID: Final = re.compile(r"[!-~]{1,64}")

Name = Annotated[str, AfterValidator(lambda text: one_line(text, _LONGEST_NAME))]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class SharedRecord(BaseModel):
    """A verdict in the form in which bots share it: contract of Graphiti, section 1.5.

    Reasoning is cut to 280 characters and articles to eight, since every character is read by the memory's model.

    Attributes
    ----------
    id
        The verdict's, up to 128 characters without spaces.
    asset
        Base asset, upper case. Verdicts are about the asset, so that all its pairs share them.
    bot
        Name of the bot that made it.
    observed_at
        When that bot had it. Whoever reads it here knew it later.
    impact_score, sentiment, confidence, reasoning, model, prompt_version, prompt_sha256, article_ids
        As in :class:`~freqai_ext.news.records.Verdict`.
    trained_until
        When the model's knowledge ends; ``None`` where it is not known.

    Examples
    --------
    >>> SharedRecord.parse("a note of somebody else") is None
    True
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False, populate_by_name=True)

    marker: Literal["freqai-ext/verdict"] = Field(default=MARKER, alias="schema")
    version: Literal[1] = Field(default=1, alias="v")
    id: str = Field(pattern=r"^[!-~]{1,128}$")
    asset: str = Field(pattern=r"^[^\s{}a-z\x00-\x1f\x7f-\x9f]{1,30}$")
    bot: Name
    observed_at: AwareDatetime
    impact_score: Share
    sentiment: Sentiment
    confidence: Share
    reasoning: Annotated[str, AfterValidator(lambda text: one_line(text, _LONGEST_REASONING))]
    model: Name
    prompt_version: Name
    prompt_sha256: Name
    article_ids: Annotated[tuple[str, ...], BeforeValidator(lambda ids: _known_articles(ids))]
    trained_until: AwareDatetime | None = None

    @classmethod
    def of(cls, verdict: Verdict) -> "SharedRecord":
        """Return what is shared of a verdict.

        Raises
        ------
        ValueError
            If others could not read it: an id or asset with spaces, a score outside [0, 1], a time that is none.
        """
        until_s = verdict.trained_until_s
        try:
            return cls(
                id=verdict.id,
                asset=verdict.asset,
                bot=verdict.bot,
                observed_at=datetime.fromtimestamp(verdict.age_from_s, UTC),
                impact_score=verdict.impact_score,
                sentiment=verdict.sentiment,
                confidence=verdict.confidence,
                reasoning=verdict.reasoning,
                model=verdict.model,
                prompt_version=verdict.prompt_version,
                prompt_sha256=verdict.prompt_sha256,
                article_ids=verdict.article_ids,
                trained_until=None if until_s is None else datetime.fromtimestamp(until_s, UTC),
            )
        except ValidationError as error:
            fault = error.errors()[0]
            name = str(fault["loc"][0])
            raise ValueError(f"a verdict cannot be shared: its {name} is not valid ({fault['msg']})") from None
        except (ValueError, OverflowError, OSError) as error:
            raise ValueError(f"a verdict cannot be shared: its time is out of range ({error})") from None

    @classmethod
    def parse(cls, content: str) -> "SharedRecord | None":
        """Return the record in a text, whatever stands before its first brace; ``None`` where it is not one of ours.

        A record of ours with a value that is missing, of another type or out of range is none either.
        """
        start = content.find("{")
        if start < 0 or len(content) > LONGEST_CONTENT:
            return None
        try:
            return cls.model_validate_json(content[start:].encode("utf-8", "replace"))
        except ValidationError:
            return None

    @property
    def observed_at_s(self) -> float:
        """``observed_at`` in UTC seconds, to the microsecond."""
        return self.observed_at.timestamp()

    def content(self) -> str:
        """Return the text: one sentence, a line break, one JSON object in one line."""
        return (
            f"{self.asset}: recent news are {self.sentiment} for its price, impact {self.impact_score:.2f} of 1, "
            f"confidence {self.confidence:.2f} of 1, as of {self.observed_at:%Y-%m-%d %H:%M} UTC.\n"
            + self.model_dump_json(by_alias=True)
        )

    def verdict(self) -> Verdict:
        """Return it as a verdict of origin ``"shared"``, available from when its maker had it.

        Whoever receives it knew it later, and has to say when; ``made_at_s`` stays, so that it looks no fresher.
        """
        return Verdict(
            id=self.id,
            asset=self.asset,
            available_at_s=self.observed_at_s,
            impact_score=self.impact_score,
            sentiment=self.sentiment,
            confidence=self.confidence,
            reasoning=self.reasoning,
            model=self.model,
            prompt_version=self.prompt_version,
            prompt_sha256=self.prompt_sha256,
            article_ids=self.article_ids,
            origin="shared",
            bot=self.bot,
            trained_until_s=None if self.trained_until is None else self.trained_until.timestamp(),
            made_at_s=self.observed_at_s,
        )


def _known_articles(ids: object) -> object:
    if not isinstance(ids, list | tuple):
        return ids
    return tuple(each for each in ids if isinstance(each, str) and _ARTICLE_ID.fullmatch(each))[:_MOST_ARTICLES]
