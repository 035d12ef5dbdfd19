"""The search: what it tries, keeps, resumes and refuses."""

import json
import logging
from dataclasses import dataclass, replace

import numpy as np
import optuna
import pytest

from freqai_ext.errors import SettingsError
from freqai_ext.learning.design import Design, Examples
from freqai_ext.learning.learner import Head
from freqai_ext.tuning import Choice, Range, SearchSpace, TuningSettings, search_space, tune

MEAN = Head("distribution")
SPACE = SearchSpace({"size": Range(0.0, 2.0)})
ROWS = 300


class Interrupted(BaseException):
    pass


@dataclass(frozen=True)
class SizedLearner:
    """Forecasts the first feature times its size; 1 is best."""

    size: float = 0.0
    fails: Exception | None = None
    name: str = "sized"
    history_rows: int = 0

    def fit(self, head, train, evaluation=None, rounds=None, former=None):
        assert evaluation is not None
        if self.fails:
            raise self.fails
        return Sized(self.size, head.outputs)


@dataclass(frozen=True)
class Sized:
    size: float
    outputs: int
    rounds: tuple = ()
    curves: tuple = ()

    def at(self, rounds):
        return self

    def predict(self, design, rows):
        return np.repeat(self.size * design.matrix[rows, :1].astype(float), self.outputs, axis=1)

    def importance(self):
        return None


class Maker:
    """Makes sized learners and notes what it was asked for in a trial."""

    def __init__(self, default=0.0, stop_after=None, fails=lambda parameters: None):
        self.default, self.stop_after, self.fails = default, stop_after, fails
        self.asked = []

    def __call__(self, parameters):
        self.asked.append(dict(parameters))
        if self.stop_after is not None and len(self.asked) > self.stop_after:
            raise Interrupted
        return SizedLearner(parameters.get("size", self.default), self.fails(parameters))


def examples(noise=0.3, seed=0) -> Examples:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(ROWS, 2)).astype(np.float32)
    design = Design(matrix, ("a", "b"), np.zeros(ROWS, dtype=np.intp))
    label = matrix[:, 0] + noise * rng.normal(size=ROWS)
    return Examples(design, np.arange(ROWS), label, np.ones(ROWS))


def thirds(count=3):
    blocks = np.array_split(np.arange(ROWS), count)
    return [(np.setdiff1d(np.arange(ROWS), block), block) for block in blocks]


def settings(**given) -> TuningSettings:
    return TuningSettings(**{"enabled": True, "trials": 12, "startup_trials": 4, **given})


def timeless(result):
    return replace(result, seconds=0.0, history=tuple(replace(record, seconds=0.0) for record in result.history))


def test_parameters_that_beat_the_defaults_are_found_and_used():
    result = tune(Maker(), SPACE, MEAN, examples(), thirds(), settings())
    assert result.parameters["size"] == pytest.approx(1.0, abs=0.3)
    assert result.best_loss < 0.3 < result.defaults_loss
    assert result.gain > result.gain_error > 0.0
    assert result.trials == 12
    assert result.reason.startswith("tuned: the loss of the best of 12 trials is ")


def test_the_defaults_are_tried_first_and_keep_their_place_where_none_is_better():
    result = tune(Maker(default=1.0), SearchSpace({"size": Choice((0.0, 2.0))}), MEAN, examples(), thirds(), settings())
    assert result.history[0].origin == "defaults"
    assert result.history[0].parameters == {}
    assert result.parameters == {}
    assert result.reason.startswith("defaults kept: none of 12 trials had less than their loss of 0.0")


def test_a_gain_within_the_noise_does_not_replace_the_defaults():
    data = examples(noise=5.0, seed=4)
    result = tune(Maker(default=1.02), SPACE, MEAN, data, thirds(), settings(noise_errors=3.0))
    assert 0.0 < result.gain < 3.0 * result.gain_error
    assert result.parameters == {}
    assert result.best_parameters != {}
    assert "defaults kept: the loss of the best of 12 trials is only" in result.reason


def test_without_a_demand_any_gain_is_enough():
    data = examples(noise=5.0, seed=4)
    result = tune(Maker(default=1.02), SPACE, MEAN, data, thirds(), settings(noise_errors=0.0))
    assert result.parameters == result.best_parameters != {}


def test_the_last_windows_winner_is_tried_second():
    result = tune(Maker(), SPACE, MEAN, examples(), thirds(), settings(), warm_start={"size": 0.9, "gone": 3})
    assert result.history[1].origin == "warm_start"
    assert result.history[1].parameters == {"size": 0.9}
    assert [record.origin for record in result.history[2:]] == ["search"] * 10


@pytest.mark.parametrize(
    ("given", "warm_start"), [({}, {"size": 5.0}), ({}, {}), ({"warm_start": False}, {"size": 0.9})]
)
def test_no_warm_start_from_outside_the_space_or_where_it_is_off(given, warm_start):
    result = tune(Maker(), SPACE, MEAN, examples(), thirds(), settings(**given), warm_start=warm_start)
    assert [record.origin for record in result.history] == ["defaults"] + ["search"] * 11


@pytest.mark.parametrize("sampler", ["tpe", "random"])
@pytest.mark.parametrize("pruner", ["off", "median", "hyperband"])
def test_the_same_seed_gives_the_same_trials_and_another_seed_others(sampler, pruner):
    first, again, other = (
        tune(Maker(), SPACE, MEAN, examples(), thirds(), settings(sampler=sampler, pruner=pruner, seed=seed))
        for seed in (1, 1, 2)
    )
    assert timeless(first) == timeless(again)
    assert [each.parameters for each in first.history] != [each.parameters for each in other.history]
    assert len({each.parameters["size"] for each in first.history[1:]}) == 11


def test_tpe_learns_from_its_trials():
    tried = settings(trials=30, startup_trials=8)
    result = tune(Maker(), SearchSpace({"size": Range(-50.0, 50.0)}), MEAN, examples(), thirds(), tried)
    distance = [abs(record.parameters["size"] - 1.0) for record in result.history[1:]]
    assert np.median(distance[-10:]) < 0.6 * np.median(distance[:7])


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_bad_trials_are_given_up_but_never_the_defaults(pruner):
    result = tune(
        Maker(default=50.0), SPACE, MEAN, examples(), thirds(5), settings(pruner=pruner, trials=25, startup_trials=4)
    )
    states = [record.state for record in result.history]
    assert states[0] == "complete"
    assert "pruned" in states
    assert all((record.loss is None) == (record.state == "pruned") for record in result.history)
    assert result.parameters["size"] == pytest.approx(1.0, abs=0.3)


@pytest.mark.parametrize("pruner", ["off", "median"])
def test_an_interrupted_search_goes_on_from_its_journal_as_if_nothing_had_happened(tmp_path, pruner):
    journal = tmp_path / "model" / "tuning.log"
    wanted = tune(Maker(), SPACE, MEAN, examples(), thirds(), settings(pruner=pruner), warm_start={"size": 0.5})
    # Three calls check the space.
    interrupted, second = Maker(stop_after=8), Maker()
    with pytest.raises(Interrupted):
        tune(interrupted, SPACE, MEAN, examples(), thirds(), settings(pruner=pruner), journal, {"size": 0.5})
    resumed = tune(second, SPACE, MEAN, examples(), thirds(), settings(pruner=pruner), journal, {"size": 0.5})
    assert timeless(resumed) == timeless(wanted)
    assert len(second.asked) == 3 + 12 - 5


def test_an_interruption_during_the_defaults_tries_them_again(tmp_path):
    with pytest.raises(Interrupted):
        tune(Maker(stop_after=3), SPACE, MEAN, examples(), thirds(), settings(), tmp_path / "log")
    resumed = tune(Maker(), SPACE, MEAN, examples(), thirds(), settings(), tmp_path / "log")
    assert [record.origin for record in resumed.history] == ["defaults"] + ["search"] * 11


def test_a_finished_search_is_not_repeated_and_more_trials_are_added_to_it(tmp_path):
    first = tune(Maker(), SPACE, MEAN, examples(), thirds(), settings(), tmp_path / "log")
    idle, longer = Maker(), Maker()
    assert tune(idle, SPACE, MEAN, examples(), thirds(), settings(), tmp_path / "log") == first
    assert len(idle.asked) == 3
    more = tune(longer, SPACE, MEAN, examples(), thirds(), settings(trials=15), tmp_path / "log")
    assert more.history[:12] == first.history
    assert len(longer.asked) == 3 + 3


@pytest.mark.parametrize(
    "changed",
    [
        {"examples": examples(seed=1)},
        {"folds": thirds(4)},
        {"space": SearchSpace({"size": Range(0.0, 2.5)})},
        {"settings": settings(seed=7)},
        {"head": Head("distribution", (0.5,))},
        {"identity": "other parameters"},
    ],
)
def test_another_window_space_or_learner_starts_anew(tmp_path, changed):
    arguments = {"space": SPACE, "head": MEAN, "examples": examples(), "folds": thirds(), "settings": settings()}
    tune(Maker(), **arguments, journal=tmp_path / "log")
    maker = Maker()
    tune(maker, **{**arguments, **changed}, journal=tmp_path / "log")
    assert len(maker.asked) == 3 + 12


def test_no_journal_is_written_where_the_setting_says_so(tmp_path):
    tune(Maker(), SPACE, MEAN, examples(), thirds(), settings(journal=False), tmp_path / "log")
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_a_crash_has_cut_is_dropped(tmp_path):
    journal = tmp_path / "log"
    first = tune(Maker(), SPACE, MEAN, examples(), thirds(), settings(trials=5), journal)
    journal.write_bytes(journal.read_bytes() + b'{"op_code": 4, "worker')
    for trials in (8, 12):
        more = tune(Maker(), SPACE, MEAN, examples(), thirds(), settings(trials=trials), journal)
        assert more.trials == trials
        assert more.history[:5] == first.history


def test_a_file_that_is_no_journal_is_set_aside_with_a_warning(tmp_path, caplog):
    journal = tmp_path / "log"
    journal.write_text("not a journal\n")
    assert tune(Maker(), SPACE, MEAN, examples(), thirds(), settings(), journal).trials == 12
    assert (tmp_path / "log.broken").read_text() == "not a journal\n"
    assert "is no journal" in caplog.text


def test_a_journal_that_cannot_be_written_does_not_stop_the_training(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    result = tune(Maker(), SPACE, MEAN, examples(), thirds(), settings(), tmp_path / "file" / "log")
    assert result.trials == 12
    assert "an interrupted search starts again" in caplog.text


def test_a_trial_that_fails_is_recorded_and_skipped():
    maker = Maker(fails=lambda parameters: ValueError("too big") if parameters.get("size", 0.0) > 1.2 else None)
    result = tune(maker, SPACE, MEAN, examples(), thirds(), settings())
    failed = [record for record in result.history if record.state == "failed"]
    assert failed
    assert {(record.error, record.loss) for record in failed} == {("ValueError: too big", None)}
    assert all(record.parameters["size"] > 1.2 for record in failed)
    assert 0.5 < result.parameters["size"] <= 1.2


def test_if_all_trials_fail_the_defaults_are_kept_and_a_warning_says_why(caplog):
    maker = Maker(fails=lambda parameters: ValueError("no rows"))
    result = tune(maker, SPACE, MEAN, examples(), thirds(), settings(trials=3))
    assert result.parameters == result.best_parameters == {}
    assert result.reason == "defaults kept: none of 3 trials came to an end; the last: ValueError: no rows"
    assert [(each.levelno, each.message) for each in caplog.records if each.name.startswith("freqai_ext")] == [
        (logging.WARNING, f"Tuning of sized (distribution): {result.reason}")
    ]


def test_where_only_the_defaults_fail_the_best_trial_is_used():
    maker = Maker(fails=lambda parameters: None if parameters else ValueError("bad"))
    result = tune(maker, SPACE, MEAN, examples(), thirds(), settings())
    assert result.parameters == result.best_parameters != {}
    assert result.defaults_loss is result.gain is None
    assert result.reason.startswith("tuned: the defaults failed, and the best of 12 trials has a loss of 0.")


def test_a_setting_that_the_learner_refuses_stops_before_any_trial():
    def make(parameters):
        raise SettingsError("freqai.model_training_parameters.depth: 99 is refused")

    with pytest.raises(SettingsError, match="depth: 99 is refused"):
        tune(make, SPACE, MEAN, examples(), thirds(), settings())


def test_no_trial_is_begun_after_the_time_is_over():
    result = tune(Maker(), SPACE, MEAN, examples(), thirds(), settings(trials=10_000, timeout_s=0.3))
    assert 1 <= result.trials < 10_000


def test_the_time_of_an_interrupted_search_counts(tmp_path):
    limited = settings(trials=10_000, timeout_s=0.2)
    first = tune(Maker(), SPACE, MEAN, examples(), thirds(), limited, tmp_path / "log")
    limit = settings(trials=10_000, timeout_s=first.seconds / 2)
    assert tune(Maker(), SPACE, MEAN, examples(), thirds(), limit, tmp_path / "log").trials == first.trials


@pytest.mark.parametrize(
    ("space", "folds", "reason"),
    [
        (SearchSpace({}), thirds(), "defaults kept: there is nothing to search"),
        (SPACE, [], "defaults kept: no fold has rows to be judged on"),
        (SPACE, [(np.arange(0), np.arange(5))], "defaults kept: no fold has rows to be judged on"),
    ],
)
def test_where_there_is_nothing_to_do_the_defaults_are_kept_without_a_trial(space, folds, reason):
    result = tune(Maker(), space, MEAN, examples(), folds, settings())
    assert (result.parameters, result.trials, result.reason) == ({}, 0, reason)


def test_one_line_is_logged_and_optuna_is_as_it_was(caplog):
    level, verbosity = logging.getLogger("optuna").level, optuna.logging.get_verbosity()
    with caplog.at_level(logging.INFO):
        result = tune(Maker(), SPACE, MEAN, examples(), thirds(), settings())
    assert caplog.messages == [f"Tuning of sized (distribution): {result.reason}"]
    assert (logging.getLogger("optuna").level, optuna.logging.get_verbosity()) == (level, verbosity)


def test_optuna_says_nothing(capfd):
    maker = Maker(fails=lambda parameters: ValueError("too big") if parameters.get("size", 0.0) > 1.2 else None)
    tune(maker, SPACE, MEAN, examples(), thirds(), settings())
    assert capfd.readouterr() == ("", "")


def test_the_state_is_json_and_starts_the_next_window():
    maker = Maker(fails=lambda parameters: ValueError("too big") if parameters.get("size", 0.0) > 1.5 else None)
    result = tune(maker, SPACE, MEAN, examples(), thirds(), settings())
    state = json.loads(json.dumps(result.state(), allow_nan=False))
    assert state["parameters"] == result.parameters
    assert len(state["history"]) == 12
    following = tune(Maker(), SPACE, MEAN, examples(seed=4), thirds(), settings(), warm_start=state["best_parameters"])
    assert following.history[1].parameters == result.best_parameters


def test_labels_of_rows_in_no_fold_make_no_difference():
    data, folds = examples(), [(np.arange(100), np.arange(100, 200))]
    changed = replace(data, label=np.where(np.arange(ROWS) < 200, data.label, 1e6))
    one, other = (tune(Maker(), SPACE, MEAN, each, folds, settings()) for each in (data, changed))
    assert timeless(one) == timeless(other)


def test_a_probability_is_tuned_by_its_log_loss():
    @dataclass(frozen=True)
    class Constant(Sized):
        def predict(self, design, rows):
            return np.full((len(rows), 1), self.size)

    class ConstantLearner(SizedLearner):
        def fit(self, head, train, evaluation=None, rounds=None, former=None):
            return Constant(self.size, 1)

    data = examples()
    data = replace(data, label=(np.arange(ROWS) % 5 == 0).astype(float))
    space = SearchSpace({"size": Range(0.01, 0.99)})

    def make(parameters):
        return ConstantLearner(parameters.get("size", 0.9))

    result = tune(make, space, Head("probability"), data, thirds(), settings(trials=25))
    assert result.parameters["size"] == pytest.approx(0.2, abs=0.06)


def test_lightgbm_and_the_linear_learner_are_tuned_on_real_fits(tmp_path):
    from freqai_ext.learning.learners import learner

    data = examples(noise=1.0)
    for name, few in (("lightgbm", {"n_estimators": 15, "min_child_samples": 20}), ("linear", {"alpha": 100.0})):
        result = tune(
            lambda parameters, name=name, few=few: learner(name, {**few, **parameters}),
            search_space(name),
            Head("distribution", (0.1, 0.9)),
            data,
            thirds(2),
            settings(trials=5, folds=2),
            tmp_path / name,
        )
        assert [record.state for record in result.history] == ["complete"] * 5
        assert result.best_loss <= result.defaults_loss < 1.0
