"""Records of the store and their rows."""

import hashlib
import json
import math
from typing import Any

import orjson
from sqlalchemy import Row

from freqai_ext.errors import NewsDataError
from freqai_ext.news.records import SIGN, Article, Decision, Verdict


def article_row(article: Article) -> dict[str, Any]:
    """Return the row of ``article``.

    Raises
    ------
    NewsDataError
        If a time is not finite.
    """
    if not _is_time(article.first_seen_at_s) or not (
        article.published_at_s is None or _is_time(article.published_at_s)
    ):
        raise NewsDataError(
            f"article {article.id}: published at {article.published_at_s}, seen at {article.first_seen_at_s}; "
            "the times must be finite UTC seconds"
        )
    return {
        "id": article.id,
        "title": article.title,
        "text": article.text,
        "url": article.url,
        "text_sha256": text_sha256(article),
        "assets": json.dumps(article.assets),
        "published_at_s": article.published_at_s,
        "first_seen_at_s": article.first_seen_at_s,
        "date_assumed": article.date_assumed,
    }


def text_sha256(article: Article) -> str:
    """Return the digest of title and text, by which the same piece from two addresses is known."""
    return hashlib.sha256(f"{article.title}\n{article.text}".encode("utf-8", "replace")).hexdigest()


def article_of(row: Row[Any], asset: str | None = None) -> Article:
    """Return the article in ``row``; ``asset`` is what it was found for."""
    assets = tuple(orjson.loads(row.assets))
    return Article(
        id=row.id,
        title=row.title,
        text=row.text,
        url=row.url,
        assets=assets if asset is None or asset in assets else (*assets, asset),
        published_at_s=row.published_at_s,
        first_seen_at_s=row.first_seen_at_s,
        date_assumed=row.date_assumed,
    )


def verdict_row(verdict: Verdict) -> dict[str, Any]:
    """Return the row of ``verdict``.

    Raises
    ------
    NewsDataError
        If a number is out of range or not finite, or the sentiment is not known.
    """
    shares = {"impact_score": verdict.impact_score, "confidence": verdict.confidence}
    for name, share in shares.items():
        if not 0.0 <= share <= 1.0:
            raise NewsDataError(f"verdict {verdict.id}: {name} {share} is not in [0, 1]; nothing of it is stored")
    if verdict.sentiment not in SIGN:
        raise NewsDataError(f"verdict {verdict.id}: sentiment {verdict.sentiment!r} is not one of {', '.join(SIGN)}")
    if not _is_time(verdict.available_at_s) or (
        verdict.trained_until_s is not None and math.isnan(verdict.trained_until_s)
    ):
        raise NewsDataError(f"verdict {verdict.id}: available at {verdict.available_at_s}; write finite UTC seconds")
    if verdict.made_at_s is not None and not _is_time(verdict.made_at_s):
        raise NewsDataError(f"verdict {verdict.id}: made at {verdict.made_at_s}; write finite UTC seconds")
    return {
        "id": verdict.id,
        "asset": verdict.asset,
        "available_at_s": verdict.available_at_s,
        **shares,
        "sentiment": verdict.sentiment,
        "reasoning": verdict.reasoning,
        "model": verdict.model,
        "prompt_version": verdict.prompt_version,
        "prompt_sha256": verdict.prompt_sha256,
        "article_ids": json.dumps(verdict.article_ids),
        "origin": verdict.origin,
        "bot": verdict.bot,
        "trained_until_s": verdict.trained_until_s,
        "made_at_s": verdict.made_at_s,
        "judge_kind": verdict.judge_kind,
    }


def verdict_of(row: Row[Any]) -> Verdict:
    """Return the verdict in ``row``."""
    return Verdict(
        id=row.id,
        asset=row.asset,
        available_at_s=row.available_at_s,
        impact_score=row.impact_score,
        sentiment=row.sentiment,
        confidence=row.confidence,
        reasoning=row.reasoning,
        model=row.model,
        prompt_version=row.prompt_version,
        prompt_sha256=row.prompt_sha256,
        article_ids=tuple(orjson.loads(row.article_ids)),
        origin=row.origin,
        bot=row.bot,
        trained_until_s=row.trained_until_s,
        made_at_s=row.made_at_s,
        judge_kind=row.judge_kind or ("lexicon" if row.model.startswith("lexicon-") else "llm"),
    )


def decision_of(row: Row[Any]) -> Decision:
    """Return the decision in ``row``."""
    return Decision(
        pair=row.pair,
        side=row.side,
        decided_at_s=row.decided_at_s,
        allowed=row.allowed,
        reason=row.reason,
        verdict_id=row.verdict_id,
        detail=row.detail,
    )


def _is_time(at_s: float) -> bool:
    return math.isfinite(at_s)
