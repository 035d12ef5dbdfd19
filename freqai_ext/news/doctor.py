"""Asks every service of the news that is set how it is, and says what is wrong and how to mend it."""

import asyncio
import math
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from freqai_ext._services.secrets import resolve_secrets
from freqai_ext.errors import FreqaiExtError, NewsError
from freqai_ext.news.graphiti import GraphitiClient
from freqai_ext.news.llm import LlmClient
from freqai_ext.news.perplexica import PerplexicaClient
from freqai_ext.news.prompt import JudgeContext, build_prompt
from freqai_ext.news.records import Verdict
from freqai_ext.news.search import NewsItem, query_for
from freqai_ext.news.searxng import NoResultsError, SearxngClient
from freqai_ext.news.settings import GraphitiSettings, LlmEndpointSettings, NewsSettings

NewsLevel = Literal["ok", "skipped", "warning", "failure"]

TEST_ASSET: Final = "DOCTOR"
"""Base asset of what is written to a shared memory to see whether it arrives."""

_PROBE_DEADLINE_S: Final = 10.0
_LOOK_AGAIN_S: Final = 1.0
_SHOWN_MODELS: Final = 8


@dataclass(frozen=True)
class NewsFinding:
    """What was found of a service.

    Attributes
    ----------
    service
        Which one.
    level
        ``"failure"`` where news cannot work, ``"warning"`` where they work less well than they could.
    message
        What is so, and what to do about it.
    """

    service: str
    level: NewsLevel
    message: str


@dataclass(frozen=True)
class NewsDiagnosis:
    """All that was found.

    Attributes
    ----------
    findings
        Service by service.
    """

    findings: tuple[NewsFinding, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing is broken."""
        return all(finding.level != "failure" for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"healthy": self.healthy, "findings": [asdict(finding) for finding in self.findings]}


@dataclass(frozen=True)
class DoctorRequest:
    """How far the questions may go.

    Attributes
    ----------
    ask
        Also search, and have every model judge a headline, which costs tokens. A Perplexica whose own model fails
        shows it in no other way.
    write
        Also write a verdict of an asset that does not exist to the shared memory, and read it back. It stays there.
    written_within_s
        How long to wait for that, real seconds.
    """

    ask: bool = False
    write: bool = False
    written_within_s: float = 120.0


async def diagnose_news(
    settings: NewsSettings, request: DoctorRequest | None = None, clock: Callable[[], float] = time.time
) -> NewsDiagnosis:
    """Ask every service that is set; what a service does is never an exception here.

    Parameters
    ----------
    settings
        The section ``freqai_ext.news``.
    request
        By default nothing is searched, judged or written.
    clock
        UTC seconds.

    Raises
    ------
    SettingsError
        If a file or variable of a secret cannot be used.
    """
    request = request or DoctorRequest()
    settings = resolve_secrets(settings, "freqai_ext.news")
    parts = await asyncio.gather(
        _perplexica(settings, request, clock),
        _searxng(settings, clock),
        _models(settings, request, clock),
        _graphiti(settings.graphiti, request, clock),
    )
    findings = [finding for part in parts for finding in part]
    if settings.perplexica.url is None and settings.searxng.url is None:
        remedy = "set freqai_ext.news.perplexica.url, freqai_ext.news.searxng.url, or both"
        findings.insert(0, NewsFinding("search", "failure", f"no search is set, so that there are no news; {remedy}"))
    return NewsDiagnosis(tuple(findings))


async def _perplexica(
    settings: NewsSettings, request: DoctorRequest, clock: Callable[[], float]
) -> Sequence[NewsFinding]:
    name = "perplexica"
    if settings.perplexica.url is None:
        return [NewsFinding(name, "skipped", "not set")]
    try:
        async with aclosing(PerplexicaClient(settings.perplexica, clock)) as client:
            findings = [NewsFinding(name, "ok", await client.probe())]
            if request.ask:
                found = await client.search(query_for("BTC", "Bitcoin"))
                findings.append(_found(name, len(found.items)))
            return findings
    except FreqaiExtError as error:
        return [NewsFinding(name, "failure", str(error))]


async def _searxng(settings: NewsSettings, clock: Callable[[], float]) -> Sequence[NewsFinding]:
    name = "searxng"
    if settings.searxng.url is None:
        return [NewsFinding(name, "skipped", "not set; it would tell when news were published")]
    try:
        async with aclosing(SearxngClient(settings.searxng, clock)) as client:
            probe = await client.probe()
            if not probe.results:
                return [NewsFinding(name, "warning", f"{probe.text}; {_no_results(settings)}")]
            return [NewsFinding(name, "ok", probe.text)]
    except NoResultsError as error:
        # Engines block a server for hours and come back; that it answers in JSON is what a setting can mend.
        return [NewsFinding(name, "warning", f"{error}; {_no_results(settings)}")]
    except FreqaiExtError as error:
        return [NewsFinding(name, "failure", str(error))]


async def _models(settings: NewsSettings, request: DoctorRequest, clock: Callable[[], float]) -> Sequence[NewsFinding]:
    if not settings.llm.endpoints:
        remedy = 'write [{"model": "NAME", "api_base": "http://127.0.0.1:11434"}] to freqai_ext.news.llm.endpoints'
        return [NewsFinding("llm", "failure", f"no model is set, so that nobody judges the news; {remedy}")]
    numbered = enumerate(settings.llm.endpoints)
    parts = await asyncio.gather(*(_model(settings, index, one, request, clock) for index, one in numbered))
    return [finding for part in parts for finding in part]


async def _model(
    settings: NewsSettings,
    index: int,
    endpoint: LlmEndpointSettings,
    request: DoctorRequest,
    clock: Callable[[], float],
) -> Sequence[NewsFinding]:
    """Ask a model by a client of its own, so that another one cannot answer in its place."""
    name, findings = f"llm: {endpoint.name}", list[NewsFinding]()

    def say(level: NewsLevel, message: str) -> None:
        own = message.replace("llm.endpoints.0.", f"llm.endpoints.{index}.")
        findings.append(NewsFinding(name, level, own))

    try:
        async with aclosing(LlmClient(settings.llm.model_copy(update={"endpoints": (endpoint,)}), clock)) as client:
            (probe,) = await client.probe(_PROBE_DEADLINE_S)
            if probe.fault is not None:
                say("failure", probe.fault)
                return findings
            if probe.listed is False:
                listed = ", ".join(probe.models[:_SHOWN_MODELS])
                say("warning", f"{endpoint.model} is not among the models that are listed there ({listed})")
            else:
                say("ok", f"{endpoint.model} answers there")
            if request.ask:
                answer = await client.judge(build_prompt(_example(clock())))
                verdict = answer.judgement
                told = f"{verdict.sentiment}, impact {verdict.impact_score:.2f}"
                say("ok", f"judged a headline in {answer.latency_s:.1f} s by {answer.level}: {told}")
    except FreqaiExtError as error:
        say("failure", str(error))
    return findings


async def _graphiti(
    settings: GraphitiSettings, request: DoctorRequest, clock: Callable[[], float]
) -> Sequence[NewsFinding]:
    name = "graphiti"
    if settings.url is None:
        return [NewsFinding(name, "skipped", "not set; verdicts stay with this bot")]
    try:
        async with aclosing(GraphitiClient(settings, clock)) as client:
            fault = await client.healthy()
            if fault is not None:
                return [NewsFinding(name, "failure", fault + await _other_dialect(settings, clock))]
            healthy = NewsFinding(name, "ok", f"{client.shown_url} answers as dialect '{settings.dialect}'")
            if not request.write:
                return [healthy, NewsFinding(name, "skipped", "whether it stores anything shows only when written to")]
            return [healthy, await _written(client, request, clock)]
    except FreqaiExtError as error:
        return [NewsFinding(name, "failure", str(error))]


async def _other_dialect(settings: GraphitiSettings, clock: Callable[[], float]) -> str:
    other = "adapter" if settings.dialect == "graphiti" else "graphiti"
    try:
        changes = {"dialect": other, "token_header": None}
        async with aclosing(GraphitiClient(settings.model_copy(update=changes), clock)) as client:
            if await client.healthy() is None:
                return f"; it answers as the other dialect: set freqai_ext.news.graphiti.dialect to '{other}'"
    except FreqaiExtError:
        return ""
    return ""


async def _written(client: GraphitiClient, request: DoctorRequest, clock: Callable[[], float]) -> NewsFinding:
    verdict = _test_verdict(clock())
    try:
        await client.write(verdict)
        for _ in range(max(1, math.ceil(request.written_within_s / _LOOK_AGAIN_S))):
            if await client.stored(TEST_ASSET, verdict.id):
                return NewsFinding("graphiti", "ok", "a verdict was written and read back")
            await asyncio.sleep(_LOOK_AGAIN_S)
    except NewsError as error:
        return NewsFinding("graphiti", "failure", str(error))
    return NewsFinding(
        "graphiti",
        "failure",
        f"a verdict was accepted and cannot be read back after {request.written_within_s:g} s: its ingest is dead or "
        "slow; see its log for errors of its language model, restart it, and prefer FalkorDB to Neo4j",
    )


def _no_results(settings: NewsSettings) -> str:
    wider = "" if settings.searxng.time_range != "day" else ", or set freqai_ext.news.searxng.time_range to 'week'"
    return (
        "open its page /stats/errors, enable engines of the category 'news' that answer in its settings.yml, see that "
        f"the server reaches the internet{wider}"
    )


def _found(service: str, count: int) -> NewsFinding:
    if count:
        return NewsFinding(service, "ok", f"a search found {count} sources")
    return NewsFinding(service, "warning", "a search for Bitcoin found nothing; see whether its own search works")


def _example(now_s: float) -> JudgeContext:
    item = NewsItem("Bitcoin rallies after ETF approval", "", "A regulator approved the fund.", now_s - 600.0)
    return JudgeContext("BTC", "Bitcoin", now_s, items=(item,))


def _test_verdict(now_s: float) -> Verdict:
    return Verdict(
        id=uuid.uuid4().hex,
        asset=TEST_ASSET,
        available_at_s=now_s,
        impact_score=0.0,
        sentiment="neutral",
        confidence=0.0,
        reasoning="A test of freqai-ext news doctor.",
        model="none",
        prompt_version="0",
        prompt_sha256="none",
        article_ids=(),
        origin="synthetic",
        bot="freqai-ext-doctor",
    )
