"""Queries of the store that are more than a line."""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Select, false, func, select

from freqai_ext.news import _tables as tables
from freqai_ext.news.records import RECORDED, JudgeIdentity

_VERDICTS: Final = tables.verdicts.c


def newest_of(asset: str, at_s: float) -> Select[Any]:
    """Return the verdict that was made last of those available at ``at_s``, of these the one available last."""
    made_s = func.min(func.coalesce(_VERDICTS.made_at_s, _VERDICTS.available_at_s), _VERDICTS.available_at_s)
    query = select(tables.verdicts).where(_VERDICTS.asset == asset, _VERDICTS.available_at_s <= at_s)
    return query.order_by(made_s.desc(), _VERDICTS.available_at_s.desc(), _VERDICTS.row.desc()).limit(1)


def mentions_of(asset: str, article_ids: Iterable[str]) -> Select[Any]:
    """Return id and time of each of the articles that was seen to be about an asset."""
    columns = tables.mentions.c
    query = select(columns.article_id, columns.first_seen_at_s)
    return query.where(columns.asset == asset, columns.article_id.in_(list(article_ids)))


def counted_by_judge() -> Select[Any]:
    """Return whether bots recorded them, kind, model, prompt version, and how many verdicts of each there are."""
    columns = (_VERDICTS.origin != "imported", tables.JUDGE_KIND, _VERDICTS.model, _VERDICTS.prompt_version)
    return select(*columns, func.count()).group_by(*columns).order_by(*columns)


def spent_by(judge: str, since_s: float) -> Select[Any]:
    """Return the questions and tokens of a judge after ``since_s``."""
    columns = tables.spendings.c
    sums = (func.coalesce(func.sum(columns.questions), 0), func.coalesce(func.sum(columns.tokens), 0))
    return select(*sums).where(columns.judge == judge, columns.at_s > since_s)


def of_judge(query: Select[Any], judge: str | None) -> Select[Any]:
    """Return the query for the verdicts of one judge; ``None`` is any."""
    if judge is None:
        return query
    if judge == RECORDED:
        return query.where(_VERDICTS.origin != "imported")
    if (identity := JudgeIdentity.of_name(judge)) is None:
        return query.where(false())
    return query.where(
        _VERDICTS.origin == "imported",
        tables.JUDGE_KIND.in_([identity.kind]),
        _VERDICTS.model == identity.model,
        _VERDICTS.prompt_version == identity.prompt_version,
    )


def of_asset(query: Select[Any], asset: str | None, since_s: float, until_s: float) -> Select[Any]:
    """Return the query for one asset, ``None`` is any, in ``[since_s, until_s]``, the oldest first."""
    if asset is not None:
        query = query.where(_VERDICTS.asset == asset)
    return query.where(_VERDICTS.available_at_s.between(since_s, until_s)).order_by(
        _VERDICTS.available_at_s, _VERDICTS.row
    )
