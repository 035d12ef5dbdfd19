"""Training at the times that a cron expression names, in place of ``freqai.live_retrain_hours``."""

import threading
import time
from typing import TYPE_CHECKING, Any

from freqai_ext.guardian import CronSchedule

if TYPE_CHECKING:
    from freqtrade.freqai.freqai_interface import IFreqaiModel


def train_by(model: "IFreqaiModel", schedule: CronSchedule) -> None:
    """Have a live model trained once after each time of ``schedule``, and at the start where there is none.

    FreqAI's training thread asks its data drawer when a pair was trained, and trains it when that is longer ago than
    ``live_retrain_hours``. Here it hears just over that where the schedule has come up since, and "now" where not.
    Every other thread hears the truth, by which a model expires.

    Parameters
    ----------
    model
        Any FreqAI model, before it is started. Nothing but this instance changes.
    """
    drawer, told = model.dd, model.dd.get_pair_dict_info
    main = threading.main_thread()

    def get_pair_dict_info(pair: str, *args: Any, **kwargs: Any) -> tuple[str, int]:
        file_name, trained_at_s = told(pair, *args, **kwargs)
        if trained_at_s == 0 or threading.current_thread() is main:
            return file_name, trained_at_s
        now_s = time.time()
        if trained_at_s >= schedule.last_s(now_s):
            return file_name, int(now_s)
        overdue_s = 3600.0 * float(model.freqai_info.get("live_retrain_hours", 0)) + 60.0
        return file_name, min(int(trained_at_s), int(now_s - overdue_s))

    drawer.get_pair_dict_info = get_pair_dict_info
