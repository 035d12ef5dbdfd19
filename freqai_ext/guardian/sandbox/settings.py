"""What a reference Guardian is made of; also the message from the process that starts it to its own."""

from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, SecretStr

from freqai_ext._settings import Settings

DEFAULT_SYMBOLS: Final = tuple(
    f"{base}USDT"
    for base in (
        "BTC", "ETH", "SOL", "XRP", "BNB", "DOGE", "ADA", "TRX", "AVAX", "LINK", "DOT", "LTC", "BCH", "NEAR",
        "UNI", "APT", "ICP", "ETC", "XLM", "ATOM", "FIL", "ARB", "OP", "INJ", "SUI", "SEI", "TIA", "AAVE",
    )
)  # fmt: skip
"""Symbols of the synthetic market where none are named, in the order of the exchange's list."""

LIVE: Final = frozenset(
    {
        "token",
        "network",
        "ai_enabled",
        "freqai_enabled",
        "ai_buy_threshold",
        "ai_sell_threshold",
        "ai_min_ev_bps",
        "ai_retrain_minutes",
        "ai_force_include",
        "freqai_feature_limit",
        "freqai_top_pairs",
        "settings_file",
        "trained_model",
        "exchange_reachable",
    }
)
"""Settings that can be changed while it runs."""


class SandboxSettings(Settings):
    """Settings of a reference Guardian.

    Those that begin with ``ai_`` and ``freqai_`` are Guardian's own: contract, section 10.

    Attributes
    ----------
    port, control_port
        Of Guardian and of the control routes, on the loopback address; 0 takes a free one.
    token
        Its ``freqai_api_token``; without one the bridge is open. Any text, one that nobody can log in with included.
    network
        The network it is on.
    settings_file
        ``"invalid"`` has every route answer 503, as a setting out of range does; with ``"unreadable"`` Guardian runs
        on its defaults: no token, testnet.
    trained_model
        Whether Guardian has a model of its own. Without one its features have the ``fallback.`` ones, too.
    exchange_reachable
        Whether a new snapshot of the market can be had when the old one is 300 s old.
    data
        Freqtrade data directory (feather) whose candles are the market. Without it the market is synthetic.
    seed
        Of the synthetic market, and of what candles do not tell, such as order sizes.
    symbols
        The market's symbols in the order of the exchange's list; by default all that there are.
    usdc_bases
        Coins that also trade against USDC, which Guardian shows as a second pair of the same name.
    enriched
        Give the rows the fields that Bybit does not send, such as hourly volumes.
    folder
        Where it keeps its set of predictions; without one, nowhere that outlives it.
    clock
        The wall's, or one that is set from outside.
    now
        Where the settable clock stands first, UTC.
    """

    port: int = Field(default=0, ge=0, le=65535)
    control_port: int = Field(default=0, ge=0, le=65535)
    token: SecretStr | None = None
    network: Literal["mainnet", "testnet"] = "mainnet"
    ai_enabled: bool = True
    freqai_enabled: bool = True
    ai_buy_threshold: float = 0.52
    ai_sell_threshold: float = 0.42
    ai_min_ev_bps: float = 12.0
    ai_retrain_minutes: float = 10_080.0
    ai_force_include: tuple[str, ...] = ()
    freqai_feature_limit: int = 40
    freqai_top_pairs: int = 5
    settings_file: Literal["valid", "invalid", "unreadable"] = "valid"
    trained_model: bool = True
    exchange_reachable: bool = True
    data: Path | None = None
    seed: int = Field(default=7, ge=0)
    symbols: tuple[str, ...] = ()
    usdc_bases: tuple[str, ...] = ("BTC",)
    enriched: bool = False
    folder: Path | None = None
    clock: Literal["wall", "sim"] = "wall"
    now: datetime | None = None

    @property
    def valid(self) -> bool:
        """Whether Guardian accepts what stands in its settings file."""
        in_range = 0 <= self.ai_buy_threshold <= 1 and 0 <= self.ai_sell_threshold <= 1
        return self.settings_file != "invalid" and in_range

    def as_read(self) -> "SandboxSettings":
        """Return what Guardian goes by: its defaults where the file cannot be read."""
        if self.settings_file != "unreadable":
            return self
        fields = type(self).model_fields.items()
        own = {name: field.default for name, field in fields if name.startswith(("ai_", "freqai_"))}
        return self.model_copy(update=own | {"token": None, "network": "testnet", "freqai_enabled": False})

    @property
    def recency_s(self) -> float:
        """Age from which a set counts as stale; 0 for never. Contract, section 8."""
        return min(max(self.ai_retrain_minutes, 0.0) * 60.0, 3_600.0)
