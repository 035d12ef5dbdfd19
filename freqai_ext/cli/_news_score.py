"""``freqai-ext news score``: an archive judged by a list of words, or by a language model after an estimate."""

import asyncio
import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freqai_ext.cli._config_options import ConfigOption, UserdirOption, bot_command
from freqai_ext.cli._news_store import (
    DEFAULT_DATABASE,
    DatabaseOption,
    SinceOption,
    UntilOption,
    _progress,
    _seconds,
    _store,
    _words,
)
from freqai_ext.errors import NewsBudgetError, SettingsError

if TYPE_CHECKING:
    from freqai_ext.news.scoring import ScoringReport
    from freqai_ext.news.scoring_budget import ScoringBudget
    from freqai_ext.news.scoring_plan import ScoringPlan, ScoringSettings
    from freqai_ext.news.settings import LlmEndpointSettings
    from freqai_ext.news.store import NewsStore

_DAY_S = 86_400.0


class JudgeOption(StrEnum):
    """Who judges."""

    LEXICON = "lexicon"
    LLM = "llm"


def score(
    database: DatabaseOption = DEFAULT_DATABASE,
    judge: Annotated[
        JudgeOption, typer.Option(help="Word list of our own, or the first language model of the configuration.")
    ] = JudgeOption.LEXICON,
    assets: Annotated[
        str,
        typer.Option(
            help="Base assets, such as BTC,ETH; by default those of exchange.pair_whitelist, or, where the word list "
            "judges without -c, all with news."
        ),
    ] = "",
    since: SinceOption = None,
    until: UntilOption = None,
    interval_s: Annotated[float, typer.Option(help="Seconds between two verdicts on an asset.", min=60)] = 3_600.0,
    judge_latency_s: Annotated[float, typer.Option(help="Seconds that a judgement takes.", min=0)] = 30.0,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask the model without a confirmation.")] = False,
    config: ConfigOption = None,
    userdir: UserdirOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Judge stored articles as a bot would have then; nothing that was judged before is asked again.

    A language model is asked only after an estimate of questions, tokens, hours and cost was confirmed, within
    freqai_ext.news.scoring.
    """
    from freqai_ext.news.scoring_plan import ScoringSettings

    named = frozenset(asset.upper() for asset in _words(assets)) or None
    settings = ScoringSettings(
        assets=named,
        since_s=_seconds("--since", since, float("-inf")),
        until_s=_seconds("--until", until, float("inf")),
        interval_s=interval_s,
        judge_latency_s=judge_latency_s,
    )
    with _store(database) as store:
        if judge is JudgeOption.LEXICON:
            if named is None and config:
                settings = _narrowed(settings, store, bot_command(config, userdir).config)
            report, model = _by_words(store, settings)
        else:
            whole = bot_command(config, userdir).config
            if named is None:
                settings = _narrowed(settings, store, whole)
            report, model = _by_model(store, settings, whole, yes=yes)
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=2))
    else:
        _print(report, model)


def _by_words(store: "NewsStore", settings: "ScoringSettings") -> "tuple[ScoringReport, str]":
    from freqai_ext.news.baseline import LexiconJudge
    from freqai_ext.news.scoring import score_articles

    judge = LexiconJudge()
    return score_articles(store, judge, settings, _progress("questions")), judge.identity.model


def _by_model(
    store: "NewsStore", settings: "ScoringSettings", config: Mapping[str, Any], *, yes: bool
) -> "tuple[ScoringReport, str]":
    from dataclasses import replace

    from freqai_ext._services.secrets import resolve_secrets
    from freqai_ext.config import load_ext_settings
    from freqai_ext.news.llm import LlmClient
    from freqai_ext.news.llm_judge import LlmJudge
    from freqai_ext.news.scoring import score_articles
    from freqai_ext.news.scoring_budget import ScoringBudget
    from freqai_ext.news.scoring_plan import estimate_scoring, plan_scoring

    news = resolve_secrets(load_ext_settings(config).news, "freqai_ext.news")
    # Which of several models answers is chance, and each is trained until another day.
    client = LlmClient(news.llm.model_copy(update={"endpoints": news.llm.endpoints[:1]}))
    endpoint = news.llm.endpoints[0]
    judge = LlmJudge(client, endpoint.model, news.scoring.longest_wait_s)
    settings = replace(
        settings,
        trained_until_s=_trained_until_s(endpoint),
        names=news.names,
        questions_at_once=news.scoring.questions_at_once,
        # Each answer was paid for.
        unstored_verdicts=1,
    )
    budget = ScoringBudget(news.scoring, store, judge.identity.name)
    plan = plan_scoring(store, judge.identity, settings)
    if plan.questions:
        estimate = estimate_scoring(store, plan, settings)
        hours = estimate.hours(news.scoring.seconds_per_question, news.scoring.questions_at_once)
        typer.echo(
            f"{estimate.questions} questions to {endpoint.model} about {len({asset for asset, _ in plan.questions})} "
            f"assets ({_told(plan)}): about {estimate.input_tokens + estimate.output_tokens} tokens, {hours:.1f} h at "
            f"{news.scoring.seconds_per_question:g} s a question and {news.scoring.questions_at_once} at once"
            f"{_cost(endpoint, estimate.input_tokens, estimate.output_tokens)}",
            err=True,
        )
        _say_budget(budget, estimate.questions)
        _confirm(yes)
    try:
        return score_articles(store, judge, settings, _progress("questions"), plan=plan, budget=budget), endpoint.model
    finally:
        asyncio.run(client.aclose())


def _confirm(yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise NewsBudgetError(
            "nothing was asked: without a terminal nobody can confirm the estimate; run it again with --yes"
        )
    typer.confirm("Ask them?", abort=True, err=True)


def _say_budget(budget: "ScoringBudget", questions: int) -> None:
    left = budget.questions_left
    if left is not None and left < questions:
        typer.echo(
            f"freqai_ext.news.scoring allows {left} questions now; the others are left to later runs, or raise "
            "questions_per_run or questions_per_day",
            err=True,
        )


def _cost(endpoint: "LlmEndpointSettings", input_tokens: int, output_tokens: int) -> str:
    prices = endpoint.usd_per_million_input_tokens, endpoint.usd_per_million_output_tokens
    if prices[0] is None or prices[1] is None:
        return "; set usd_per_million_input_tokens and usd_per_million_output_tokens of the endpoint for the cost"
    return f", about {(input_tokens * prices[0] + output_tokens * prices[1]) / 1e6:.2f} USD"


def _trained_until_s(endpoint: "LlmEndpointSettings") -> float | None:
    if endpoint.trained_until is None:
        typer.echo(
            f"{endpoint.model}: freqai_ext.news.llm.endpoints.0.trained_until is not set, so that nobody can tell "
            "whether it knows what followed; set it to the day on which its knowledge ends",
            err=True,
        )
        return None
    # That day is known, too.
    return _seconds("trained_until", endpoint.trained_until, 0.0) + _DAY_S


def _narrowed(settings: "ScoringSettings", store: "NewsStore", config: Mapping[str, Any]) -> "ScoringSettings":
    """Return the settings for the assets of the configuration's pairs."""
    from dataclasses import replace

    pairs = (config.get("exchange") or {}).get("pair_whitelist") or []
    if not pairs:
        raise SettingsError(
            "exchange.pair_whitelist: empty, so that it is not known which assets are to be judged; name them with "
            "--assets BTC,ETH"
        )
    named = whitelisted(pairs, store.assets())
    if not named:
        raise SettingsError(
            f"exchange.pair_whitelist: none of the assets of its {len(pairs)} pairs has news in {store.path}; name "
            "others with --assets"
        )
    return replace(settings, assets=frozenset(named))


def whitelisted(pairs: Iterable[str], assets: Iterable[str]) -> list[str]:
    """Return the assets that are the base of a pair of the list, whose pairs may be regular expressions.

    Examples
    --------
    >>> whitelisted(["BTC/USDT:USDT", "(ETH|SOL)/USDT"], ["BTC", "ETH", "SOLX"])
    ['BTC', 'ETH']
    """
    from freqai_ext.news.assets import base_asset

    bases = {base_asset(pair) for pair in pairs}
    return [asset for asset in assets if any(_is_base(base, asset) for base in bases)]


def _is_base(pattern: str, asset: str) -> bool:
    try:
        return pattern == asset or re.fullmatch(pattern, asset, re.IGNORECASE) is not None
    except re.error:
        return False


def _told(plan: "ScoringPlan") -> str:
    return f"{plan.moments} moments with news, {plan.unchanged} without anything new, {plan.known} known before"


def _print(report: "ScoringReport", model: str) -> None:
    typer.echo(
        f"{report.added} verdicts of {model} stored, {report.known} known before, {report.failed} failed, of "
        f"{report.moments} moments with news; {report.unchanged} had nothing new"
    )
    if report.tainted:
        typer.echo(
            f"{report.tainted} of them are tainted: the model was trained after these news and may know what followed"
        )
    if report.stopped is not None:
        typer.echo(f"{report.left} questions are left: {report.stopped}", err=True)
