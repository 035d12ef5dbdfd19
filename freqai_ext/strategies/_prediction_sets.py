"""Backtest predictions of other FreqAI runs, read as of each candle."""

import logging
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from freqtrade.exceptions import OperationalException
from pyarrow import ArrowException

from freqai_ext.models._prediction_origin import CANDLES, RECORD, recorded

logger = logging.getLogger(__name__)

_FILE = re.compile(r"cb_(?P<coin>.+)_(?P<stamp>\d{10})_prediction\.feather")


def own_identifier(config: Mapping[str, Any]) -> str:
    """Return the identifier under which the user knows the predictions of this run.

    ``freqai-ext`` simulates, runs offline and trains in processes under identifiers of their own; it names the user's
    beside it, as ``freqai.original_identifier``. No name is taken apart: a bot may well be called ``x-offline``.
    """
    freqai = config.get("freqai", {})
    return str(freqai.get("original_identifier") or freqai.get("identifier", ""))


def load_prediction_set(
    config: dict[str, Any], identifier: str, pair: str, dates: pd.Series, columns: Collection[str]
) -> pd.DataFrame:
    """Return what another FreqAI run predicted of a pair in its backtest, one row for each of ``dates``.

    Every row comes from a model whose training ended before the row: FreqAI writes that end into the name of each
    window's file, and a row that is older than it is refused. Where windows overlap, the newer model's row is taken.
    Candles that the run did not predict have ``do_predict`` 0.

    Parameters
    ----------
    config
        Freqtrade's configuration: the run is looked for in its user directory.
    identifier
        ``freqai.identifier`` of the run.
    dates
        Opening times of the candles, UTC.
    columns
        Those to return, beside ``do_predict``, as far as the run has them.

    Raises
    ------
    OperationalException
        If the run has no readable predictions of the pair, was made for another timeframe or trading mode, or has
        predicted candles that it was trained on.
    """
    folder = Path(config["user_data_dir"]) / "models" / identifier
    _require_same_market(folder, identifier, config, pair)
    windows = {int(match["stamp"]): path for path, match in _files(folder) if match["coin"] == _coin(pair)}
    if not windows:
        raise OperationalException(
            f"freqai_ext.hyper.prediction_sets: '{identifier}' has no predictions of {pair} in "
            f"{folder.name}/backtesting_predictions; make them with freqai-ext walkforward or freqtrade backtesting, "
            "with the configuration of that identifier and the same time range"
        )
    rows = pd.concat([_read(windows[stamp], stamp, identifier) for stamp in sorted(windows)])
    rows = rows[~rows.index.duplicated(keep="last")]
    kept = rows[["do_predict", *(name for name in columns if name in rows)]]
    aligned = kept.reindex(_utc(dates)).set_axis(dates.index)
    missing = int(aligned["do_predict"].isna().sum())
    logger.info(
        "Prediction set '%s' speaks of %d of %d candles of %s.", identifier, len(dates) - missing, len(dates), pair
    )
    return aligned.assign(do_predict=aligned["do_predict"].fillna(0))


def _files(folder: Path) -> list[tuple[Path, re.Match[str]]]:
    paths = sorted((folder / "backtesting_predictions").glob("*.feather"))
    return [(path, match) for path in paths if (match := _FILE.fullmatch(path.name))]


def _read(path: Path, stamp: int, identifier: str) -> pd.DataFrame:
    try:
        frame = pd.read_feather(path)
        rows = frame.set_index(_utc(frame["date"])).drop(columns="date")
        rows["do_predict"]
    except (OSError, ValueError, KeyError, ArrowException) as error:
        raise OperationalException(
            f"freqai_ext.hyper.prediction_sets: '{identifier}': {path.name} is not readable ({error}); delete it and "
            "make it again"
        ) from error
    if len(rows) and rows.index[0] < pd.Timestamp(stamp, unit="s", tz="UTC"):
        raise OperationalException(
            f"freqai_ext.hyper.prediction_sets: '{identifier}': {path.name} predicts candles that its model was "
            "trained on, which would look ahead; delete the folder of that identifier and make it again"
        )
    return rows


def _require_same_market(folder: Path, identifier: str, config: dict[str, Any], pair: str) -> None:
    origin = recorded(folder / RECORD)
    for key in ("timeframe", "trading_mode"):
        if key in origin and origin[key] != str(config.get(key)):
            raise OperationalException(
                f"freqai_ext.hyper.prediction_sets: '{identifier}' was made with {key} '{origin[key]}', and this run "
                f"has '{config.get(key)}'; name runs of the same market"
            )
    # FreqAI names its files by the base coin alone, so those of BTC/EUR would pass for BTC/USDT.
    files = origin.get(CANDLES)
    if isinstance(files, dict) and f"{pair} {config.get('timeframe')}" not in files:
        raise OperationalException(
            f"freqai_ext.hyper.prediction_sets: '{identifier}' was made without candles of {pair}; make it with that "
            "pair in its exchange.pair_whitelist, or name another run"
        )


def _coin(pair: str) -> str:
    return pair.split("/")[0].lower()


def _utc(dates: pd.Series) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(pd.to_datetime(dates, utc=True)).as_unit("ns")
