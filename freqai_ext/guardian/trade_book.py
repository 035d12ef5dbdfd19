"""Guardian's own trades, held in memory for a strategy."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from freqai_ext.errors import GuardianDataError
from freqai_ext.guardian.symbols import canonical_symbol, guardian_symbol
from freqai_ext.guardian.trades import (
    ClosedTrade,
    Network,
    PayOff,
    TradeHistory,
    enough,
    entry_outcomes,
    payoff,
    pays_label,
    trade_columns,
)
from freqai_ext.labels import Labels

logger = logging.getLogger(__name__)


class TradeBook:
    """What Guardian's trades say at each candle. Read at the start, and again when :meth:`refresh` is called.

    Methods may be called from any thread; all but :meth:`refresh` read memory only.

    Parameters
    ----------
    data_dir, network
        As :class:`~freqai_ext.guardian.trades.TradeHistory` has them.

    Raises
    ------
    GuardianDataError
        If there is no such directory, or a journal in it cannot be read.
    """

    def __init__(self, data_dir: Path, network: Network) -> None:
        self._history = TradeHistory(data_dir, network)
        self._trades: tuple[ClosedTrade, ...] = self._history.trades()
        self._complained = False

    def refresh(self) -> None:
        """Read the journals again where they have changed; the trades stay as they were where that fails."""
        try:
            self._trades = self._history.trades()
            self._complained = False
        except GuardianDataError as error:
            if not self._complained:
                logger.warning("%s; what was read before is kept", error)
            self._complained = True

    def columns(self, pair: str, candle_dates: pd.Series, candle_s: float) -> pd.DataFrame:
        """Return the features of :func:`~freqai_ext.guardian.trades.trade_columns`."""
        return trade_columns(self._trades, candle_dates, candle_s, pair)

    def pays_label(self, pair: str, candle_dates: pd.Series, candle_s: float) -> Labels:
        """Return whether Guardian's entries into the pair paid, see :func:`~freqai_ext.guardian.trades.pays_label`."""
        return pays_label(self._trades, candle_dates, candle_s, pair)

    def check_enough(self, min_trades: int, since_s: float, until_s: float, pair: str | None = None) -> None:
        """Check that a training window holds enough closed trades to learn from.

        Parameters
        ----------
        min_trades
            How many there must be.
        since_s, until_s
            The window, UTC seconds; trades count that were opened and known in it.
        pair
            Freqtrade's name of the only pair that counts; ``None`` for all.

        Raises
        ------
        SettingsError
            If there are fewer; it names both numbers.
        """
        symbol = None if pair is None else canonical_symbol(guardian_symbol(pair) or pair)
        enough(
            [
                trade
                for trade in self._trades
                if trade.opened_at_s >= since_s and trade.known_at_s <= until_s and symbol in (None, trade.symbol)
            ],
            min_trades,
        )

    def payoff(self) -> PayOff:
        """Return how much Guardian's entries win and lose."""
        return payoff(self._trades)

    def holding_min(self) -> float:
        """Return the median time from an entry until it is known whether it paid, in minutes; 0 without trades."""
        times_s = [outcome.known_at_s - outcome.entered_at_s for outcome in entry_outcomes(self._trades)]
        return float(np.median(times_s)) / 60.0 if times_s else 0.0
