import asyncio
import logging

import pytest

from freqai_ext.errors import NewsRefusedError, NewsUnavailableError
from freqai_ext.news.combine import CombinedSearch
from freqai_ext.news.search import NewsItem, NewsResult

UNDATED = NewsItem("Inflows rise", "https://example.com/a", "text")
DATED = NewsItem("Inflows rise", "https://example.com/a", "other text", 1_700_000_000.0)
MORE = NewsItem("More", "https://example.com/b", "more text", 1_700_000_100.0)


class Search:
    """A search that finds or raises what it is told."""

    def __init__(self, outcome):
        self.outcome = outcome
        self.queries = []
        self.closed = False

    async def search(self, query):
        self.queries.append(query)
        await asyncio.sleep(0)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome

    async def aclose(self):
        self.closed = True


def result(*items, answer="", at_s=100.0, sha256="0" * 64):
    return NewsResult(answer, items, at_s, sha256)


def search(*outcomes):
    return asyncio.run(CombinedSearch([Search(outcome) for outcome in outcomes]).search("q"))


def test_news_of_both_are_told_once_with_the_date_of_whichever_knows_it():
    together = search(result(UNDATED, answer="Up.", at_s=100.0), result(DATED, MORE, at_s=101.0, sha256="1" * 64))
    assert together.items == (NewsItem("Inflows rise", "https://example.com/a", "text", 1_700_000_000.0), MORE)
    assert (together.answer, together.retrieved_at_s) == ("Up.", 101.0)
    assert together.sha256 not in ("0" * 64, "1" * 64)
    assert len(together.sha256) == 64


@pytest.mark.parametrize("place", [0, 1])
def test_what_one_finds_counts_although_the_other_fails_which_is_logged_less_and_less(place, caplog):
    outcomes = [result(MORE), result(MORE)]
    outcomes[place] = NewsUnavailableError("Vane hangs")
    combined = CombinedSearch([Search(outcome) for outcome in outcomes])
    with caplog.at_level(logging.WARNING):
        for _ in range(8):
            assert asyncio.run(combined.search("q")).items == (MORE,)
    assert [record.getMessage() for record in caplog.records] == [
        "The search for news goes on without one of its sources: Vane hangs"
    ] * 4


def test_where_all_fail_the_first_error_is_raised():
    with pytest.raises(NewsRefusedError, match=r"^first$"):
        search(NewsRefusedError("first"), NewsUnavailableError("second"))


@pytest.mark.parametrize("place", [0, 1])
def test_that_one_finds_nothing_while_the_other_fails_is_not_called_no_news(place):
    outcomes = [result(), result()]
    outcomes[place] = NewsUnavailableError("Vane hangs")
    with pytest.raises(NewsUnavailableError, match="Vane hangs"):
        search(*outcomes)


def test_a_fault_of_the_program_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        search(result(MORE), ZeroDivisionError())


def test_all_are_asked_the_same_and_closed():
    searches = [Search(result()), Search(result(MORE))]

    async def main():
        combined = CombinedSearch(searches)
        await combined.search("Bitcoin")
        await combined.aclose()

    asyncio.run(main())
    assert [(search.queries, search.closed) for search in searches] == [(["Bitcoin"], True)] * 2


def test_there_must_be_a_search():
    with pytest.raises(ValueError, match="no search to combine"):
        CombinedSearch([])
