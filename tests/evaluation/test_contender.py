"""Contenders as users name them."""

import pytest

from freqai_ext.errors import SettingsError
from freqai_ext.evaluation import Contender, parse_contenders


def test_models_are_separated_by_commas_and_may_have_a_label():
    assert parse_contenders(["A,Other=B", "C"]) == (Contender("A", "A"), Contender("Other", "B"), Contender("C", "C"))


def test_a_file_adds_contenders_with_settings_and_may_have_comments(tmp_path):
    file = tmp_path / "contenders.json"
    file.write_text(
        '{"Panel (6 pairs)": {"freqaimodel": "M", "strategy": "S", // all together\n'
        '"config": {"freqai_ext": {"signal": {"panel": true}}}}}'
    )
    first, second = parse_contenders(["A"], file)
    assert first.label == "A"
    assert second == Contender("Panel (6 pairs)", "M", "S", {"freqai_ext": {"signal": {"panel": True}}})
    assert second.slug == "Panel-6-pairs"


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ([], "--models: none named; write --models LightGBMRegressor,CatboostRegressor"),
        (["A="], "--models: 'A=' is not valid; write Model or Label=Model"),
        (["=A"], "--models: '=A' is not valid; write Model or Label=Model"),
        (["<b>=A"], "--models: the label '<b>' is not valid; use letters"),
        (["A=X,a=Y"], "--models: 'A' and 'a' would share their files; give each a label of its own, Label=Model"),
        (["a b=X,a-b=Y"], "--models: 'a b' and 'a-b' would share their files"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(models, message):
    with pytest.raises(SettingsError) as error:
        parse_contenders(models)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "contenders.json is no object; write "),
        ("{", "contenders.json is no JSON; "),
        ('{"A": {}}', "contenders.A.freqaimodel: missing; it has no default, so write it"),
        ('{"A": {"freqaimodel": "M", "confg": {}}}', "contenders.A.confg: unknown setting; did you mean 'config'?"),
        (
            '{"A": {"freqaimodel": "M", "config": {"exchange": {}}}}',
            "contenders.A.config.exchange: not valid; a contender may differ in freqai and freqai_ext",
        ),
        ('{"A": {"freqaimodel": "M", "config": {"freqai": 1}}}', "contenders.A.config.freqai: not an object"),
        (
            '{"A": {"freqaimodel": "M", "config": {"freqai": {"identifier": "x"}}}}',
            "contenders.A.config.freqai.identifier: not valid; it is derived",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_the_path_of_the_fault(tmp_path, content, message):
    file = tmp_path / "contenders.json"
    file.write_text(content)
    with pytest.raises(SettingsError) as error:
        parse_contenders([], file)
    assert message in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"--contenders: .*gone.json does not exist; name a JSON file"):
        parse_contenders([], tmp_path / "gone.json")
