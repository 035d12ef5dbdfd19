"""Guardian's closed trades as its data directory has them now."""

import logging
import threading
from pathlib import Path

from freqai_ext.errors import GuardianDataError
from freqai_ext.guardian.trades.closed_trade import ClosedTrade
from freqai_ext.guardian.trades.executions import Network, find_executions, read_executions
from freqai_ext.guardian.trades.paired_trades import find_paired_trades, read_paired_trades
from freqai_ext.guardian.trades.pairing import pair
from freqai_ext.guardian.trades.slippage import with_slippage

logger = logging.getLogger(__name__)

_State = tuple[tuple[Path, int, int] | None, ...]


class TradeHistory:
    """Guardian's closed trades, of all pairs.

    They are made of the journal of fills; slippage comes from Guardian's own list of trades, which stands in for the
    journal where that makes no trade. Safe to be used from several threads.

    Parameters
    ----------
    data_dir
        Guardian's data directory; only read.
    network
        Which of its journals to read.
    """

    def __init__(self, data_dir: Path, network: Network) -> None:
        self._data_dir = data_dir
        self._network: Network = network
        self._lock = threading.Lock()
        self._state: _State | None = None
        self._trades: tuple[ClosedTrade, ...] = ()

    def trades(self) -> tuple[ClosedTrade, ...]:
        """Return the closed trades, in the order in which they became known; none where Guardian has made none.

        The files are read again only when they have changed.

        Raises
        ------
        GuardianDataError
            If there is no such directory, or a file cannot be read.
        """
        with self._lock:
            fills, listed = self._find()
            state = (_state(fills), _state(listed))
            if state != self._state:
                trades, whole = _read(fills, listed)
                self._trades = tuple(sorted(trades, key=_known_at_s))
                self._state = state if whole else None
            return self._trades

    def _find(self) -> tuple[Path | None, Path | None]:
        try:
            return find_executions(self._data_dir, self._network), find_paired_trades(self._data_dir, self._network)
        except OSError as error:
            raise GuardianDataError(
                f"{self._data_dir}: cannot be read ({error.strerror}); let the bot's user read "
                "freqai_ext.guardian.trades.data_dir and what is in it"
            ) from error


def _known_at_s(trade: ClosedTrade) -> float:
    return trade.known_at_s


def _state(path: Path | None) -> tuple[Path, int, int] | None:
    if path is None:
        return None
    try:
        state = path.stat()
    except OSError:
        # Gone since it was found; reading it says so.
        return path, 0, 0
    return path, state.st_mtime_ns, state.st_size


def _read(fills_path: Path | None, listed_path: Path | None) -> tuple[tuple[ClosedTrade, ...], bool]:
    """Return the trades, and whether the files were whole."""
    trades = () if fills_path is None else _paired(fills_path)
    if listed_path is None:
        return trades, True
    listed = read_paired_trades(listed_path)
    return (with_slippage(trades, listed.trades) if trades else listed.trades), not listed.torn


def _paired(path: Path) -> tuple[ClosedTrade, ...]:
    executions = read_executions(path)
    pairing = pair(executions.fills)
    logger.info(
        "guardian trades: %d fills, %d closed trades; skipped lines: %s; sells without a position: %d; "
        "fees assumed: %d",
        len(executions.fills),
        len(pairing.trades),
        dict(executions.skipped) or "none",
        pairing.sells_without_position,
        executions.assumed_fees,
    )
    return pairing.trades
