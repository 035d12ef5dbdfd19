"""Checks of the strategy's features and targets, computed on stored candles or on generated ones."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from freqai_ext.config import SECTION
from freqai_ext.doctor.candles import needed_pairs, needed_timeframes
from freqai_ext.doctor.context import Context
from freqai_ext.doctor.finding import CheckSkippedError, Finding, Level, failure, name_some, ok
from freqai_ext.doctor.sample_candles import sample_candles
from freqai_ext.doctor.targets import check_targets
from freqai_ext.doctor.tracebacks import traceback_of
from freqai_ext.errors import ContractError
from freqai_ext.features import assert_no_lookahead
from freqai_ext.guardian import FEATURE_COLUMNS


@dataclass(frozen=True)
class Hook:
    """One call of a ``feature_engineering_*`` method, as FreqAI makes it.

    Parameters
    ----------
    method
        Its name.
    timeframe
        Timeframe of the candles that it gets.
    compute
        Candles in, candles and features out.
    """

    method: str
    timeframe: str
    compute: Callable[[pd.DataFrame], pd.DataFrame]

    def features(self, candles: pd.DataFrame) -> pd.DataFrame:
        """Return the feature columns alone."""
        return self.compute(candles.copy()).filter(regex="^%")


@dataclass(frozen=True)
class ColumnHealth:
    """What can be wrong with a feature column after the warm-up."""

    empty: bool
    infinite: bool
    patchy: bool
    constant: bool


def check_features(context: Context) -> Iterator[Finding]:
    """Features are finite numbers, vary and do not look ahead; at least one target is set."""
    if not context.section_is_valid:
        raise CheckSkippedError(f"needs a valid section '{SECTION}'")
    if not context.freqai["feature_parameters"].get("include_timeframes") or not needed_pairs(context.config):
        raise CheckSkippedError("needs pairs and freqai.feature_parameters.include_timeframes")
    with sample_candles(context.config) as sample:
        strategy, config = _equipped_strategy(context, sample.config), sample.config
        pair, warm_up_rows = _typical_pair(config), config["startup_candle_count"]
        candles = {tf: strategy.dp.get_pair_dataframe(pair, tf) for tf in needed_timeframes(config)}
        columns: dict[str, list[ColumnHealth]] = defaultdict(list)
        leaks: dict[str, Finding] = {}
        texts: dict[str, Finding] = {}
        for hook in _hooks(strategy, config, pair):
            try:
                features = hook.features(candles[hook.timeframe])
                texts |= _texts(hook, features)
                features = features.select_dtypes(["number", "bool"])
                if hook.timeframe == config["timeframe"]:
                    leaks |= _look_ahead(hook, features.columns[features.notna().any()], candles[hook.timeframe])
            except Exception as error:
                yield _raised(f"{hook.method} on {hook.timeframe} candles", error)
                continue
            for name, column in features.iloc[warm_up_rows:].items():
                columns[f"{hook.method}: {name}"].append(_health(column))
        yield from leaks.values()
        yield from texts.values()
        yield from _guardian_columns(columns)
        yield from _unhealthy(columns, warm_up_rows, sample.days)
        if context.loaded_model is not None:
            yield from check_targets(context, config, candles[config["timeframe"]], pair)
        count = sum(map(len, columns.values()))
        yield ok(f"{count} feature columns of {pair}, before shifts and correlated pairs, computed on {sample.origin}")


def _equipped_strategy(context: Context, config: dict[str, Any]) -> Any:
    from freqtrade.data.dataprovider import DataProvider

    strategy = context.strategy
    strategy.dp = DataProvider(config, None)
    strategy.freqai = context.loaded_model
    strategy.freqai_info = config["freqai"]
    return strategy


def _typical_pair(config: dict[str, Any]) -> str:
    # Relations to a reference pair are trivial for that pair itself.
    pairs = needed_pairs(config)
    correlated = config["freqai"]["feature_parameters"].get("include_corr_pairlist", [])
    return next((pair for pair in pairs if pair not in correlated), pairs[0])


def _hooks(strategy: Any, config: dict[str, Any], pair: str) -> Iterator[Hook]:
    parameters = config["freqai"]["feature_parameters"]
    for timeframe in parameters["include_timeframes"]:
        metadata = {"pair": pair, "tf": timeframe}
        for period in parameters.get("indicator_periods_candles", []):

            def expand_all(df: pd.DataFrame, period: int = period, metadata: dict[str, str] = metadata) -> Any:
                return strategy.feature_engineering_expand_all(df, period, metadata=metadata)

            yield Hook("feature_engineering_expand_all", timeframe, expand_all)

        def expand_basic(df: pd.DataFrame, metadata: dict[str, str] = metadata) -> Any:
            return strategy.feature_engineering_expand_basic(df, metadata=metadata)

        yield Hook("feature_engineering_expand_basic", timeframe, expand_basic)

    def standard(df: pd.DataFrame) -> Any:
        return strategy.feature_engineering_standard(df, metadata={"pair": pair})

    yield Hook("feature_engineering_standard", config["timeframe"], standard)


def _look_ahead(hook: Hook, columns: "pd.Index[str]", candles: pd.DataFrame) -> dict[str, Finding]:
    try:
        assert_no_lookahead(lambda given: hook.features(given)[columns], candles)
    except ContractError as error:
        finding = failure(f"{hook.method}: {error}", "compute each row from its own candle and earlier ones")
        return {hook.method: finding}
    return {}


def _texts(hook: Hook, features: pd.DataFrame) -> dict[str, Finding]:
    found = {}
    for name in features.columns.difference(features.select_dtypes(["number", "bool"]).columns):
        held = features[name].dropna()
        shown = repr(held.iloc[-1]) if len(held) else "nothing"
        found[f"{hook.method}: {name}"] = failure(
            f"{hook.method}: {name} holds {shown}, which is no number, so every training fails",
            f"write numbers instead, e.g. dataframe['{name}'] = (condition).astype(float), one column for each value",
        )
    return found


def _guardian_columns(columns: dict[str, list[ColumnHealth]]) -> Iterator[Finding]:
    """Set the columns of Guardian's features aside where none are recorded: trainings leave them out by themselves."""
    own = {f"%-{name}" for name in FEATURE_COLUMNS}
    names = [name for name in columns if name.rpartition(": ")[2] in own]
    if names and all(health.constant or health.empty for name in names for health in columns[name]):
        for name in names:
            del columns[name]
        yield ok(
            f"{len(names)} columns of Guardian's features are neutral here, as none are recorded for these candles; "
            "trainings leave them out until freqai_ext.guardian.features.min_share of the rows have some"
        )


def _health(column: "pd.Series[Any]") -> ColumnHealth:
    values = pd.to_numeric(column, errors="coerce").to_numpy(float)
    missing = np.isnan(values)
    return ColumnHealth(
        empty=bool(missing.all()),
        infinite=bool(np.isinf(values).any()),
        patchy=bool(missing.any() and not missing.all()),
        constant=bool(not missing.all() and column.nunique() == 1),
    )


_FAULTS: Final[tuple[tuple[str, Callable[[Iterable[bool]], bool], Level, str, str], ...]] = (
    ("empty", any, Level.FAILURE, "has no value at all, so FreqAI drops every training row", "remove it"),
    ("infinite", any, Level.WARNING, "is infinite at times; FreqAI drops such rows", "guard the divisor"),
    (
        "patchy",
        any,
        Level.WARNING,
        "lacks values after the {warm_up} candles of startup_candle_count; FreqAI drops such rows",
        "raise startup_candle_count if the first rows lack them, else give them a neutral value",
    ),
    # A flag may well rest at one period or timeframe; a column that rests at all of them says nothing.
    (
        "constant",
        all,
        Level.WARNING,
        "takes one value in all of these {days:.0f} days, so that no model can learn from it",
        "remove it, unless it changes more slowly than that",
    ),
)


def _unhealthy(columns: dict[str, list[ColumnHealth]], warm_up_candles: int, days: float) -> Iterator[Finding]:
    for fault, quantify, level, effect, remedy in _FAULTS:
        names = [name for name, found in columns.items() if quantify(getattr(health, fault) for health in found)]
        if names:
            message = f"{name_some(names)} {effect.format(warm_up=warm_up_candles, days=days)}"
            yield Finding(level, message, remedy)


def _raised(what: str, error: Exception) -> Finding:
    return failure(f"{what} raises {type(error).__name__}: {error}", "correct it", traceback_of(error))
