import pytest

from freqai_ext.errors import NewsDataError
from freqai_ext.news.as_of import VerdictHistory
from freqai_ext.news.judges import choose_judge
from freqai_ext.news.records import RECORDED, JudgeIdentity, Verdict
from freqai_ext.news.store import NewsStore

NAMES = ("lexicon:lexicon-1:1", "llm:qwen3:8b:1", "llm:qwen3:8b:2", "llm:vendor/model:free:2", RECORDED)


def make_verdict(judge, available_at_s=1_000.0, **others):
    identity = JudgeIdentity.of_name(judge) or JudgeIdentity("llm", "served", "2")
    given = {"impact_score": 0.5, "sentiment": "positive", "confidence": 0.5, "reasoning": "", "prompt_sha256": judge}
    given |= {"origin": "live" if judge == RECORDED else "imported", "bot": "b", "article_ids": ()}
    return Verdict(
        id=f"{judge} {available_at_s}",
        asset="BTC",
        available_at_s=available_at_s,
        model=identity.model,
        prompt_version=identity.prompt_version,
        judge_kind=identity.kind,
        **(given | others),
    )


@pytest.fixture
def store(tmp_path):
    """Return a store with a verdict of each of ``names``."""
    made = []

    def make(*names):
        made.append(NewsStore(tmp_path / f"{len(made)}.sqlite"))
        made[-1].add_verdicts(make_verdict(name) for name in names)
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("name", NAMES)
def test_the_only_judge_need_not_be_chosen_and_may_be(store, name):
    one = store(name)
    assert one.judges() == {name: 1}
    assert choose_judge(one, None) == choose_judge(one, name) == name
    assert [verdict.judge for verdict in one.verdicts(judge=name)] == [name]


def test_several_judges_are_refused_and_listed_until_one_is_chosen(store):
    several = store(*NAMES)
    with pytest.raises(NewsDataError, match="verdicts of 5 judges, which must not mix") as caught:
        choose_judge(several, None)
    for name in NAMES:
        assert f"{name} (1 verdicts)" in str(caught.value)
        assert choose_judge(several, name) == name
    assert "choose one with --judge NAME or freqai_ext.news.judge" in str(caught.value)


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("lexicon", NAMES[0]),
        ("lexicon-1", NAMES[0]),
        ("vendor/model:free", NAMES[3]),
        ("llm:vendor/model:free", NAMES[3]),
    ],
)
def test_a_part_that_tells_a_judge_from_the_others_is_enough(store, wanted, name):
    assert choose_judge(store(*NAMES), wanted) == name


@pytest.mark.parametrize(
    ("wanted", "fault"),
    [("llm", "3 of its judges are 'llm'"), ("qwen3:8b", "2 of its judges are"), ("gpt", "none of its judges is 'gpt'")],
)
def test_a_part_that_names_none_or_several_is_refused_with_the_list(store, wanted, fault):
    with pytest.raises(NewsDataError, match=fault) as caught:
        choose_judge(store(*NAMES), wanted)
    assert NAMES[2] in str(caught.value)


def test_a_store_without_verdicts_needs_no_choice(store):
    assert choose_judge(store(), None) is choose_judge(store(), "llm") is None


@pytest.mark.parametrize("name", NAMES)
def test_a_history_holds_the_verdicts_of_its_judge_alone_also_those_that_come_later(store, name):
    several = store(*NAMES)
    history = VerdictHistory(several, 3_600.0, name)
    assert [verdict.judge for verdict in history.record("BTC", 0.0).verdicts] == [name]
    several.add_verdicts(make_verdict(each, 1_100.0) for each in NAMES)
    assert [verdict.judge for verdict in history.record("BTC", 0.0).verdicts] == [name, name]
    assert history.newest("BTC", 1_200.0).judge == name
