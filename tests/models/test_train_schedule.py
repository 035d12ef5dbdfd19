import threading
from types import SimpleNamespace

import pytest
import time_machine

from freqai_ext.guardian.schedule import CronSchedule
from freqai_ext.models._train_schedule import train_by

PAIR = "BTC/USDT"
HOUR_S = 3600
START_S = 1_740_787_200  # 2025-03-01 00:00 UTC
RETRAIN_HOURS = 1000.0


class Drawer:
    def __init__(self):
        self.trained_at_s = 0

    def get_pair_dict_info(self, pair):
        return "file", self.trained_at_s


@pytest.fixture
def model():
    model = SimpleNamespace(dd=Drawer(), freqai_info={"live_retrain_hours": RETRAIN_HOURS})
    train_by(model, CronSchedule("0 */6 * * *"))
    return model


def heard_by_training_thread(model):
    heard = []
    thread = threading.Thread(target=lambda: heard.append(model.dd.get_pair_dict_info(PAIR)))
    thread.start()
    thread.join()
    return heard[0]


def is_due(model, now_s):
    """Return what FreqAI's training thread concludes at a time."""
    with time_machine.travel(now_s, tick=False):
        trained_at_s = heard_by_training_thread(model)[1]
    return trained_at_s == 0 or (now_s - trained_at_s) / HOUR_S > RETRAIN_HOURS


def test_a_pair_is_trained_once_after_each_time_of_the_schedule(model):
    trainings = []
    for minute in range(0, 24 * 60, 7):
        now_s = START_S + 60 * minute + 1
        if is_due(model, now_s):
            trainings.append(minute)
            model.dd.trained_at_s = now_s
    assert trainings == [0, 364, 721, 1085]


def test_a_pair_that_was_never_trained_is_trained_at_once(model):
    assert is_due(model, START_S + 3 * HOUR_S)


def test_a_bot_that_was_down_at_the_time_trains_when_it_is_back(model):
    model.dd.trained_at_s = START_S
    assert not is_due(model, START_S + 5 * HOUR_S)
    assert is_due(model, START_S + 9 * HOUR_S)


def test_the_main_thread_hears_when_the_pair_was_really_trained(model):
    model.dd.trained_at_s = START_S
    with time_machine.travel(START_S + 20 * HOUR_S, tick=False):
        assert model.dd.get_pair_dict_info(PAIR) == ("file", START_S)
        assert heard_by_training_thread(model)[0] == "file"
