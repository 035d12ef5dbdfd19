"""A language model that judges an archive, by the stand-in's real HTTP."""

import asyncio
import logging
import time

import pytest

from freqai_ext._settings import parse_settings
from freqai_ext.news.llm import LlmClient, LlmUnavailableError
from freqai_ext.news.llm_judge import LlmJudge
from freqai_ext.news.prompt import JudgeContext
from freqai_ext.news.search import NewsItem
from freqai_ext.news.settings import LlmSettings
from freqai_ext.news.standins import Fault, NewsStandIns, StandInSettings

CONTEXT = JudgeContext("BTC", "Bitcoin", 1_760_000_000.0, items=(NewsItem("Bitcoin rallies", "", ""),))


@pytest.fixture(scope="module")
def process():
    with NewsStandIns(StandInSettings()) as running:
        yield running


@pytest.fixture
def standins(process):
    process.remove_faults()
    process.change(llm_key=None)
    return process


@pytest.fixture
def ask(standins):
    """Ask a judge so many questions side by side; return the answers, and how long they took."""

    def run(count=1, longest_wait_s=60.0, **changes):
        settings = parse_settings(LlmSettings, {**standins.section()["llm"], **changes}, "freqai_ext.news.llm")
        client = LlmClient(settings)
        judge = LlmJudge(client, "stand-in", longest_wait_s)

        async def main():
            try:
                return await asyncio.gather(*(judge.answer(CONTEXT) for _ in range(count)))
            finally:
                await client.aclose()

        began_s = time.monotonic()
        return asyncio.run(main()), time.monotonic() - began_s

    return run


def calls(standins):
    return standins.state()["requests"]["llm"].get("POST /v1/chat/completions", 0)


def limit_for(standins, kind, for_s, **values):
    standins.add_fault(Fault(kind=kind, service="llm", end_s=time.time() + for_s, **values))


@pytest.mark.parametrize("kind", ["limited_429", "error_503"])
@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
def test_a_limited_rate_is_waited_out_and_is_no_failure(standins, ask, caplog, kind, as_date):
    caplog.set_level(logging.INFO)
    limit_for(standins, kind, 2.5, seconds=2, as_date=as_date)
    before = calls(standins)
    # The client's own deadline is shorter than the wait, so that it is the judge who waits.
    answers, took_s = ask(4, deadline_s=1.5)
    assert [answer.judgement.sentiment for answer in answers] == ["positive"] * 4
    assert took_s >= 2.0
    # All wait together: two rounds at most, and not a request each few milliseconds.
    assert calls(standins) - before <= 16
    assert "stand-in takes no questions now; the next is asked in" in caplog.text
    assert "stand-in answers again" in caplog.text


def test_a_wait_beyond_the_longest_is_cut_and_said_so(standins, ask, caplog):
    limit_for(standins, "limited_429", 0.7, seconds=7_200)
    answers, took_s = ask(longest_wait_s=0.5, deadline_s=1.0)
    assert len(answers) == 1
    assert took_s < 30.0
    assert "the next is asked in 7200 s, which freqai_ext.news.scoring.longest_wait_s cuts to 0.5 s" in caplog.text


def test_a_limit_without_a_time_to_wait_is_not_asked_again_at_once(standins, ask):
    limit_for(standins, "limited_429", 1.0, seconds=0)
    before = calls(standins)
    _, took_s = ask(deadline_s=1.0)
    # Each question is sent twice; then 1.6 to 2 s pass.
    assert calls(standins) - before == 3
    assert took_s >= 1.6


def test_a_key_that_is_refused_is_no_limit_and_lasts(standins, ask):
    standins.change(llm_key="the-key")
    with pytest.raises(LlmUnavailableError, match=r"set freqai_ext\.news\.llm\.endpoints\.0\.api_key") as caught:
        ask()
    assert caught.value.lasting


def test_a_day_of_limits_without_an_answer_ends_it(standins, ask, monkeypatch):
    monkeypatch.setattr("freqai_ext.news.llm_judge._GIVES_UP_AFTER_S", 1.0)
    limit_for(standins, "limited_429", 60.0, seconds=1)
    with pytest.raises(LlmUnavailableError, match="answered 429") as caught:
        ask(deadline_s=0.9)
    assert caught.value.lasting


def test_an_endpoint_that_counts_no_tokens_is_counted_by_its_characters(standins, ask, monkeypatch):
    (answer,), _ = ask()
    assert answer.tokens > 500
    monkeypatch.setattr("freqai_ext.news._llm_answer._tokens", lambda _: 0)
    (estimated,), _ = ask()
    assert 0.6 < estimated.tokens / answer.tokens < 1.2
