"""Whose state decides whether forecasts are published: the bot that starts the strategy."""

import gc
import logging
from types import SimpleNamespace

import pytest
from freqtrade.enums import State
from freqtrade.freqtradebot import FreqtradeBot

from freqai_ext.strategies._guardian_start import bot_suspension


class StartingBot(FreqtradeBot):
    """Starts a strategy as Freqtrade does, from a method of its own, and nothing else."""

    def __init__(self, strategy, started=None):
        self.strategy = strategy
        self.state = State.RUNNING
        self.suspension = self.start(started or strategy)

    def start(self, strategy):
        return (lambda: bot_suspension(strategy))()


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (State.STOPPED, "the bot is stopped"),
        (State.PAUSED, "the bot is paused"),
        (State.RELOAD_CONFIG, "the bot is reloading"),
        (State.RUNNING, None),
    ],
)
def test_only_a_running_bot_is_at_work(state, reason):
    bot = StartingBot(SimpleNamespace())
    assert bot.suspension() is None
    bot.state = state
    assert bot.suspension() == reason


def test_a_bot_that_is_replaced_is_not_kept():
    suspension = StartingBot(SimpleNamespace()).suspension
    gc.collect()
    assert not [one for one in gc.get_objects() if type(one) is StartingBot]
    assert suspension() is None


def test_without_a_bot_of_its_own_a_strategy_is_never_suspended_and_says_so(caplog):
    with caplog.at_level(logging.WARNING, logger="freqai_ext"):
        bot = StartingBot(SimpleNamespace(), started=SimpleNamespace())
        bot.state = State.STOPPED
        assert bot.suspension() is None
    assert "started by no bot; that it stops is noticed when its forecasts expire" in caplog.text
