"""A live model on damaged files, a full disk and faults of its training thread."""

import errno
import logging
import threading
import time
from types import SimpleNamespace

import cloudpickle
import pytest
from freqtrade.freqai import freqai_interface
from freqtrade.freqai.freqai_interface import IFreqaiModel

from freqai_ext.checks._workbench import PAIR
from freqai_ext.lifecycle import backup_of
from freqai_ext.models.CalibratedSignalModel import CalibratedSignalModel

OLD, NEW = 1_700_000_000, 1_700_003_600
NO_SPACE = OSError(errno.ENOSPC, "No space left on device")

FILES = ["model.joblib", "metadata.json", "feature_pipeline.pkl", "label_pipeline.pkl"]
DAMAGES = {
    "cut": lambda whole: whole[: len(whole) // 2],
    "one byte short": lambda whole: whole[:-1],
    "empty": lambda whole: b"",
    "zeroed": lambda whole: bytes(len(whole)),
    "garbage": lambda whole: b"\x93\xfe\x00garbage\xff" * 20,
    "another type": lambda whole: b"[1]" if whole[:1] == b"{" else cloudpickle.dumps([1]),
    "missing": None,
}


def damage(folder, stamp, file, kind):
    path = folder / f"sub-train-BTC_{stamp}" / f"cb_btc_{stamp}_{file}"
    if DAMAGES[kind] is None:
        path.unlink()
    else:
        path.write_bytes(DAMAGES[kind](path.read_bytes()))


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("kind", list(DAMAGES))
@pytest.mark.parametrize("file", FILES)
def test_a_damaged_model_gives_way_to_the_one_before_it_within_the_candle(bot, caplog, file, kind):
    damage(bot.folder, NEW, file, kind)
    frame = bot.forecast()
    (warning,) = warnings(caplog)
    assert warning.startswith(f"{PAIR}: the model in ")
    assert f"cannot be used ({'FileNotFoundError' if kind == 'missing' else ''}" in warning
    assert f"the one before it serves, cb_btc_{OLD}" in warning
    assert bot.model.dd.pair_dict[PAIR]["model_filename"] == f"cb_btc_{OLD}"
    assert bot.model.dd.pair_dict[PAIR]["trained_timestamp"] == OLD
    assert bot.model.train_queue[0] == PAIR
    assert frame["&-roi"].std() > 0
    aside = list((bot.folder / "lifecycle" / "corrupt").glob(f"*/sub-train-BTC_{NEW}"))
    assert len(aside) == (kind != "missing")
    # It is said once, and the next candle needs no file.
    assert bot.forecast()["do_predict"].iloc[-1] == 1
    assert len(warnings(caplog)) == 1


def test_without_a_whole_model_the_pair_trains_at_once(bot, caplog):
    damage(bot.folder, NEW, "model.joblib", "cut")
    damage(bot.folder, OLD, "feature_pipeline.pkl", "zeroed")
    frame = bot.forecast()
    assert (frame["&-roi"] == 0).all()
    assert len(warnings(caplog)) == 2
    assert warnings(caplog)[-1].endswith("the pair trains again now.")
    assert bot.model.dd.get_pair_dict_info(PAIR) == ("", 0)
    bot.train(NEW + 60)
    bot.forecast()
    assert bot.forecast()["do_predict"].iloc[-1] == 1


def test_a_model_without_the_stamp_of_this_origin_is_not_used(bot, caplog):
    model = bot.restart(CalibratedSignalModel)
    # As a backtest that saves its models leaves it, under the identifier of a bot.
    model.dd.pair_dict[PAIR].update(
        model_filename=f"cb_btc_{NEW}",
        data_path=str(next((bot.folder / "origins").glob(f"*/sub-train-BTC_{NEW}"))),
        trained_timestamp=NEW,
    )
    caplog.clear()
    assert bot.load()[0] is None
    (warning,) = warnings(caplog)
    assert "it was trained under another model, strategy or setting" in warning
    assert "the pair trains again now" in warning


def test_a_model_that_was_trained_for_other_features_is_not_asked(bot, caplog):
    fewer = bot.frame.drop(columns="%-f3").assign(**{"%-new": 1.0})
    frame = bot.forecast(frame=fewer)
    assert (frame["&-roi"] == 0).all()
    assert "it was trained for other features: %-f3, %-new" in caplog.text
    bot.frame = fewer
    bot.train(NEW + 60)
    assert bot.forecast(frame=fewer) is not None
    assert bot.forecast(frame=fewer)["do_predict"].iloc[-1] == 1


def test_a_model_from_disk_that_fails_to_predict_gives_way_and_one_of_this_run_does_not(bot, caplog, monkeypatch):
    def fail(*args, **kwargs):
        raise AttributeError("no such thing in this version of the library")

    monkeypatch.setattr(IFreqaiModel, "build_strategy_return_arrays", fail)
    frame = bot.forecast()
    assert (frame["&-roi"] == 0).all()
    assert len(warnings(caplog)) == 2
    bot.train(NEW + 60)
    with pytest.raises(AttributeError, match="no such thing"):
        bot.forecast()


def test_models_are_read_from_disk_once(bot):
    bot.load()
    for path in bot.folder.glob("sub-train-*/*"):
        path.unlink()
    assert bot.load()[0] is not None


def test_what_the_drawer_writes_has_a_backup_and_survives_a_cut(bot):
    drawer = bot.model.dd
    drawer.freqai_info["write_metrics_to_disk"] = True
    drawer.update_metric_tracker("train_time", 1.0, PAIR)
    drawer.save_metric_tracker_to_disk()
    paths = [
        drawer.historic_predictions_path,
        drawer.pair_dictionary_path,
        drawer.global_metadata_path,
        drawer.metric_tracker_path,
    ]
    for path in paths:
        assert path.read_bytes() == backup_of(path).read_bytes()
        path.write_bytes(path.read_bytes()[:-1])
    rows = len(drawer.historic_predictions[PAIR])
    restarted = bot.restart(write_metrics_to_disk=True).dd
    assert len(restarted.historic_predictions[PAIR]) == rows
    assert restarted.pair_dict[PAIR]["model_filename"] == f"cb_btc_{NEW}"
    assert restarted.metric_tracker == drawer.metric_tracker
    assert "start_dry_live_date" in bot.model.metadata


def test_run_params_may_be_damaged(bot):
    (bot.folder / "run_params.json").write_text("{")
    assert bot.restart().dd.pair_dict[PAIR]["model_filename"] == f"cb_btc_{NEW}"


def test_a_full_disk_costs_a_warning_now_and_then(bot, caplog, monkeypatch):
    def no_space(*args):
        raise NO_SPACE

    drawer = bot.model.dd
    with monkeypatch.context() as full:
        full.setattr("freqai_ext._files.os.fsync", no_space)
        for _ in range(8):
            drawer.save_historic_predictions_to_disk()
            drawer.save_drawer_to_disk()
    assert len(warnings(caplog)) == 8
    assert warnings(caplog)[0] == (
        f"{drawer.historic_predictions_path}: cannot be saved ([Errno 28] No space left on device); free some space on "
        "the disk. A restart would begin with older data."
    )
    drawer.save_drawer_to_disk()
    assert bot.restart().dd.pair_dict[PAIR]["model_filename"] == f"cb_btc_{NEW}"


def test_a_model_that_cannot_be_saved_leaves_the_former_one_and_is_tried_again_later(bot, caplog, monkeypatch):
    def no_space(*args, **kwargs):
        raise NO_SPACE

    bot.load()
    with monkeypatch.context() as full:
        full.setattr("freqtrade.freqai.data_drawer.cloudpickle.dump", no_space)
        for _ in range(3):
            bot.train(NEW + 60)
    assert warnings(caplog) == [
        f"Training {PAIR}: the new model cannot be saved ([Errno 28] No space left on device); free some space on the "
        f"disk. The former model goes on; the next attempt is in {minutes} minutes.{seen}"
        for minutes, seen in ((1, ""), (2, " (seen 2 times)"))
    ]
    assert bot.model.dd.pair_dict[PAIR]["trained_timestamp"] == NEW
    assert not list(bot.folder.glob(f"sub-train-BTC_{NEW + 60}"))
    assert bot.forecast()["&-roi"].std() > 0
    # The training thread passes the pair over until then.
    bot.model._scan_thread = threading.current_thread()
    assert bot.model.dd.get_pair_dict_info(PAIR)[1] >= int(time.time()) - 5
    assert bot.model.train_queue[0] == "ETH/USDT"
    bot.train(NEW + 60)
    assert bot.model.dd.pair_dict[PAIR]["trained_timestamp"] == NEW + 60


def test_another_fault_of_a_training_is_left_to_freqai(bot, monkeypatch):
    def fail(*args, **kwargs):
        raise ValueError("labels")

    monkeypatch.setattr(type(bot.model), "fit", fail)
    with pytest.raises(ValueError, match="labels"):
        bot.train(NEW + 60)
    assert bot.model.dd.pair_dict[PAIR]["trained_timestamp"] == NEW


@pytest.fixture
def quick(monkeypatch):
    """FreqAI's loop without its pauses of a second."""
    monkeypatch.setattr(freqai_interface, "time", SimpleNamespace(sleep=lambda _: time.sleep(0.001), time=time.time))


def scanning(bot, strategy, until):
    thread = threading.Thread(target=bot.model._start_scanning, args=(strategy,), daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not until() and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    alive = thread.is_alive()
    bot.model._stop_event.set()
    thread.join(30)
    assert not thread.is_alive()
    return alive


def trainings(bot, monkeypatch):
    done = []

    def train(self, timerange, pair, *args):
        done.append(pair)
        bot.model.dd.pair_dict[pair]["trained_timestamp"] = timerange.stopts

    monkeypatch.setattr(IFreqaiModel, "extract_data_and_train_model", train)
    return done


@pytest.mark.parametrize("where", ["current_whitelist", "get_pair_dict_info", "train_timer", "save_metric_tracker"])
def test_the_training_thread_goes_on_after_any_fault(bot, quick, caplog, monkeypatch, where):
    done, faults, whitelist = (
        trainings(bot, monkeypatch),
        [NO_SPACE, RuntimeError("x"), KeyError("y")],
        [PAIR, "ETH/USDT"],
    )
    real = {
        "get_pair_dict_info": bot.model._freqai_info_of,
        "train_timer": bot.model.train_timer,
        "save_metric_tracker": bot.model.dd.save_metric_tracker_to_disk,
        "current_whitelist": lambda: whitelist,
    }[where]

    def failing(*args, **kwargs):
        if faults:
            raise faults.pop(0)
        return real(*args, **kwargs)

    strategy = SimpleNamespace(dp=SimpleNamespace(current_whitelist=lambda: whitelist))
    bot.model.freqai_info["write_metrics_to_disk"] = True
    if where == "current_whitelist":
        strategy.dp.current_whitelist = failing
    elif where == "get_pair_dict_info":
        bot.model._freqai_info_of = failing
    elif where == "train_timer":
        bot.model.train_timer = failing
    else:
        bot.model.dd.save_metric_tracker_to_disk = failing
    for pair in whitelist:
        bot.model.dd.set_pair_dict_info({"pair": pair})
        bot.model.dd.pair_dict[pair]["trained_timestamp"] = 0

    def all_due_again():
        if not faults and set(done) == set(whitelist):
            return True
        for pair in whitelist:
            bot.model.dd.pair_dict[pair]["trained_timestamp"] = 0
        return False

    assert scanning(bot, strategy, all_due_again)
    assert faults == []
    assert set(done) == set(whitelist)
    lines = [line for line in warnings(caplog) if line.startswith("The training thread: goes on after ")]
    assert lines[0].endswith("OSError: [Errno 28] No space left on device. free some space on the disk.")
    assert len(lines) == 2


def test_a_head_of_the_queue_that_is_not_due_blocks_no_other_pair(bot, quick, monkeypatch):
    done = trainings(bot, monkeypatch)
    pairs = [f"P{number}/USDT" for number in range(20)]
    bot.model.train_queue.clear()
    bot.model.train_queue.extend(pairs)
    for pair in pairs:
        bot.model.dd.set_pair_dict_info({"pair": pair})
        bot.model.dd.pair_dict[pair]["trained_timestamp"] = int(time.time()) if pair == "P0/USDT" else 1
    strategy = SimpleNamespace(dp=SimpleNamespace(current_whitelist=lambda: pairs))
    assert scanning(bot, strategy, lambda: len(done) >= 19)
    assert done == pairs[1:]


def test_a_pair_that_comes_back_to_the_whitelist_is_queued_again(bot, monkeypatch):
    monkeypatch.setattr(IFreqaiModel, "start_live", lambda self, *args: args[-1])
    bot.model.train_queue.clear()
    bot.model.start_live(bot.frame, {"pair": PAIR}, SimpleNamespace(), bot.kitchen())
    bot.model.start_live(bot.frame, {"pair": PAIR}, SimpleNamespace(), bot.kitchen())
    assert list(bot.model.train_queue) == [PAIR]
