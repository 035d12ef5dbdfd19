"""What is searched: ranges, lists, and what users write over the learners' own."""

import logging

import optuna
import pytest

from freqai_ext._settings import parse_settings
from freqai_ext.errors import SettingsError
from freqai_ext.tuning import Choice, Range, SearchSpace, TuningSettings, search_space
from freqai_ext.tuning.dimension import parse_dimension


def suggested(dimension, seed=0):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    return [dimension.suggest(study.ask(), "x") for _ in range(60)]


@pytest.fixture(autouse=True)
def _silent_optuna():
    level = logging.getLogger("optuna").level
    logging.getLogger("optuna").setLevel(logging.ERROR)
    yield
    logging.getLogger("optuna").setLevel(level)


def test_a_range_between_whole_numbers_gives_whole_numbers_with_both_ends():
    values = suggested(parse_dimension({"low": 2, "high": 5}))
    assert set(values) == {2, 3, 4, 5}
    assert all(isinstance(value, int) for value in values)


def test_a_range_with_a_decimal_point_gives_fractions():
    values = suggested(parse_dimension({"low": 2.0, "high": 5}))
    assert all(isinstance(value, float) and 2.0 <= value <= 5.0 for value in values)
    assert len(set(values)) == 60


def test_a_logarithmic_range_is_searched_evenly_by_magnitude():
    values = suggested(parse_dimension({"low": 0.001, "high": 1000.0, "log": True}))
    assert 15 < sum(value < 1.0 for value in values) < 45


def test_a_list_gives_its_values():
    assert set(suggested(parse_dimension([0.1, "auto", None]))) == {0.1, "auto", None}


def test_values_belong_to_a_dimension_by_kind_and_bounds():
    assert 3 in Range(2, 5)
    assert 3.0 not in Range(2, 5)
    assert True not in Range(0, 5)
    assert 3 in Range(2.0, 5.0)
    assert 6 not in Range(2, 5)
    assert "x" not in Range(2, 5)
    assert 1 in Choice((1, "x"))
    assert True not in Choice((1, "x"))


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (3, 'x: 3 is no range; write {"low": …, "high": …}, a list of values, or null'),
        ([], "x: an empty list; write the values to choose from, or null not to search it"),
        ([[1]], "x: a list may hold numbers, texts, true, false and null only"),
        ([1, 1], "x: name each value once"),
        ({"low": 1}, "x: high: missing; write both ends"),
        ({"low": 1, "high": 2, "step": 1}, "x: step: unknown key; known: high, log, low"),
        ({"low": "1", "high": 2}, "x: low: '1' is not valid; write a number"),
        ({"low": True, "high": 2}, "x: low: True is not valid; write a number"),
        ({"low": 1, "high": float("inf")}, "x: high: inf is not valid; write a number"),
        ({"low": 5, "high": 5}, "x: low 5 is not below high 5; swap them, or write one value as a list"),
        ({"low": 0, "high": 5, "log": True}, "x: low 0 has no logarithm; write a number above 0, or log false"),
        ({"low": 1, "high": 5, "log": "yes"}, "x: log: 'yes' is not valid; write true or false"),
    ],
)
def test_a_wrong_entry_of_the_setting_names_path_and_remedy(raw, rule):
    with pytest.raises(SettingsError) as caught:
        parse_settings(TuningSettings, {"space": {"x": raw}}, "freqai_ext.tuning")
    assert str(caught.value) == f"freqai_ext.tuning.space: the object given is not valid; {rule}"


def test_settings_default_to_no_search_and_take_a_space():
    assert not TuningSettings().enabled
    space = {"num_leaves": {"low": 4, "high": 63, "log": True}, "dropout": [0.1, 0.3], "reg_lambda": None}
    assert parse_settings(TuningSettings, {"enabled": True, "space": space}, "freqai_ext.tuning").space == space


def test_what_users_write_replaces_adds_and_takes_out():
    own = search_space("lightgbm")
    changed = search_space("lightgbm", {"num_leaves": [4, 8], "max_depth": {"low": 2, "high": 6}, "reg_lambda": None})
    assert changed.dimensions["num_leaves"] == Choice((4, 8))
    assert changed.dimensions["max_depth"] == Range(2, 6)
    assert set(own.dimensions) - set(changed.dimensions) == {"reg_lambda"}
    assert changed.dimensions["learning_rate"] == own.dimensions["learning_rate"]


def test_of_an_unknown_learner_only_what_users_write_is_searched():
    assert dict(search_space("mine").dimensions) == {}
    assert dict(search_space("mine", {"depth": [1, 2]}).dimensions) == {"depth": Choice((1, 2))}


def test_parameters_outside_the_space_are_left_out_of_a_warm_start():
    space = SearchSpace({"a": Range(1, 5), "b": Range(0.1, 1.0), "c": Choice(("x",))})
    assert space.within({"a": 3, "b": 4.0, "c": "x", "d": 1}) == {"a": 3, "c": "x"}


def test_our_own_parameters_that_the_learner_refuses_are_not_searched():
    def make(parameters):
        if "colsample_bytree" in parameters:
            raise SettingsError("the same parameter as 'feature_fraction'; keep one of the two")

    accepted = search_space("lightgbm").accepted_by(make)
    assert set(search_space("lightgbm").dimensions) - set(accepted.dimensions) == {"colsample_bytree"}


def test_a_refused_parameter_that_the_user_wrote_is_an_error():
    def make(parameters):
        if parameters.get("depth", 0) > 16:
            raise SettingsError("freqai.model_training_parameters.depth: 20 is refused")

    with pytest.raises(SettingsError) as caught:
        search_space("mine", {"depth": {"low": 2, "high": 20}}).accepted_by(make)
    assert str(caught.value) == (
        "freqai_ext.tuning.space.depth: the learner refuses a value of it; correct the range, or write null not to "
        "search it (freqai.model_training_parameters.depth: 20 is refused)"
    )


@pytest.mark.parametrize("name", ["lightgbm", "catboost", "hist_gradient_boosting", "torch", "linear"])
def test_every_learner_accepts_the_whole_of_its_own_space(name):
    if name == "torch":
        pytest.importorskip("torch")
    from freqai_ext.learning.learners import learner

    space = search_space(name)
    assert space.dimensions
    assert space.accepted_by(lambda parameters: learner(name, parameters)) == SearchSpace(space.dimensions)


def test_the_sequence_learner_accepts_the_whole_of_its_own_space():
    from freqai_ext.learning.sequence.settings import SequenceSettings

    for name, dimension in search_space("sequence").dimensions.items():
        for value in dimension.extremes():
            assert getattr(SequenceSettings(**{name: value}), name) == value
