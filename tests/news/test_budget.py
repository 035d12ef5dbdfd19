import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqai_ext.errors import NewsBudgetError
from freqai_ext.news.budget import HOUR_S, NewsBudget, RollingHour
from freqai_ext.news.settings import NewsBudgetSettings

START_S = 1_760_000_000.0


class Clock:
    def __init__(self, now_s=START_S):
        self.now_s = now_s

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def make(clock, **limits):
    return NewsBudget(NewsBudgetSettings(**limits), clock)


def test_searches_are_free_again_an_hour_after_each(clock):
    budget = make(clock, searches_per_hour=2)
    budget.spend_search()
    clock.now_s += 600.0
    budget.spend_search()
    with pytest.raises(NewsBudgetError, match=r"the 2 searches of this hour are spent; the next is free in 3000 s"):
        budget.spend_search()
    assert budget.free_in_s == 3000.0
    clock.now_s = START_S + HOUR_S - 0.001
    with pytest.raises(NewsBudgetError):
        budget.check()
    clock.now_s = START_S + HOUR_S
    budget.check()
    budget.spend_search()
    assert budget.searches.spent == 2


def test_what_could_not_be_paid_for_is_not_counted(clock):
    budget = make(clock, searches_per_hour=1)
    budget.spend_search()
    for _ in range(5):
        with pytest.raises(NewsBudgetError):
            budget.spend_search()
    assert budget.searches.spent == 1


def test_tokens_that_are_spent_forbid_the_next_question(clock):
    budget = make(clock, llm_tokens_per_hour=1_000)
    budget.spend_llm_call()
    budget.add_llm_tokens(1_500)
    assert (budget.llm_calls.spent, budget.llm_tokens.spent) == (1, 1_500)
    with pytest.raises(NewsBudgetError, match=r"freqai_ext\.news\.budget\.llm_tokens_per_hour"):
        budget.spend_llm_call()
    assert budget.llm_calls.spent == 1
    with pytest.raises(NewsBudgetError, match="LLM tokens"):
        budget.check()


def test_a_judgement_that_could_not_be_paid_for_forbids_the_search(clock):
    budget = make(clock, llm_calls_per_hour=3)
    for _ in range(3):
        budget.spend_llm_call()
    with pytest.raises(NewsBudgetError, match="the 3 LLM calls"):
        budget.check()
    with pytest.raises(NewsBudgetError, match="the 3 LLM calls"):
        budget.spend_llm_call()


def test_a_clock_that_is_set_back_blocks_for_an_hour_at_most(clock):
    budget = make(clock, searches_per_hour=1)
    budget.spend_search()
    clock.now_s -= 86_400.0
    with pytest.raises(NewsBudgetError, match="free in 3600 s"):
        budget.spend_search()
    clock.now_s += HOUR_S
    budget.spend_search()


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.tuples(st.floats(0.0, 2_000.0), st.integers(0, 4)), min_size=1, max_size=25),
    limit=st.integers(1, 6),
)
def test_it_is_free_exactly_when_it_says_so(steps, limit):
    clock = Clock(0.0)
    hour = RollingHour(limit, "things", "things_per_hour", clock)
    spent = []
    for wait_s, amount in steps:
        clock.now_s += wait_s
        hour.add(amount)
        spent.append((clock.now_s, amount))
        assert hour.spent == sum(amount for at_s, amount in spent if at_s > clock.now_s - HOUR_S)
        if hour.spent < limit:
            assert hour.free_in_s == 0.0
            hour.check()
        else:
            asked_s = clock.now_s
            free_s = asked_s + hour.free_in_s
            assert sum(amount for at_s, amount in spent if at_s > free_s - HOUR_S + 1e-6) < limit
            assert sum(amount for at_s, amount in spent if at_s > free_s - HOUR_S - 1e-6) >= limit
            with pytest.raises(NewsBudgetError):
                hour.check()
