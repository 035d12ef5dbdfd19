import gzip
import json
from pathlib import Path

import pytest

from freqai_ext.news.asset_matcher import AssetMatcher
from freqai_ext.news.assets import asset_names, asset_of_symbol

HEADLINES = Path(__file__).parents[3] / "shared/data/news/cryptopanic_2025H1.jsonl.gz"


@pytest.mark.parametrize(
    ("title", "assets"),
    [
        ("Bitcoin and Ethereum rise", ("BTC", "ETH")),
        ("bitcoin falls, BITCOIN rises", ("BTC",)),
        ("BTC, ETH and XRP in one fund", ("BTC", "ETH", "XRP")),
        ("Bitcoin Cash forks again", ("BCH",)),
        ("Bitcoin SV is delisted", ()),
        ("$SOL and $link lead", ("SOL", "LINK")),
        ("SOLUSDT, ETH-USD and LINK/USDT open", ("SOL", "ETH", "LINK")),
        ("Optimism (OP) upgrades", ("OP",)),
        ("Near Protocol and the Avalanche Foundation", ("NEAR", "AVAX")),
        ("SOL, SUI and TON gain", ("SOL", "SUI", "TON")),
        ("Ethereum's Optimism's token unlock", ("ETH", "OP")),
        # Words that are names elsewhere.
        ("Click the link near you for a sol and a dot", ()),
        ("Optimism near record, cosmos of doubt", ()),
        ("Stellar results for Avalanche skiers", ()),
        ("US DOT fines an airline", ()),
        ("OP-ED: what comes next", ()),
        ("The ripple effect of tariffs", ()),
        ("A compound of Near Eastern states", ()),
        ("CLICK THE LINK NEAR YOU, ALL ADA COUNTY OFFICES CLOSE", ()),
        ("Methods of ethernet and solar power", ()),
        ("WBTC and stETH wobble", ()),
        ("Settled in USDT and USDC", ()),
        ("", ()),
    ],
)
def test_a_headline_names_what_it_names_and_no_more(title, assets):
    assert AssetMatcher({}).assets(title) == assets


def test_names_of_the_settings_count_as_they_are_written():
    matcher = AssetMatcher({"FOO": "Foo Network", "OP": "Optimism"})
    assert matcher.assets("Foo Network and Optimism rise") == ("FOO", "OP")
    assert AssetMatcher({}).assets("Foo Network and Optimism rise") == ()


def test_it_agrees_with_a_vendor_where_it_finds_something():
    if not HEADLINES.is_file():
        pytest.skip("needs the real headlines, which are not part of the project")
    matcher, known = AssetMatcher({}), set(asset_names({}))
    right = wrong = missed = 0
    with gzip.open(HEADLINES) as file:
        for line in file:
            entry = json.loads(line)
            tagged = set(entry["currencies"] or ())
            found = matcher.assets(entry["title"])
            right += sum(asset in tagged for asset in found)
            wrong += sum(asset not in tagged for asset in found)
            missed += len((tagged & known).difference(found))
    assert right / (right + wrong) > 0.98
    assert right / (right + missed) > 0.5


@pytest.mark.parametrize(
    ("symbol", "asset"),
    [
        ("BTC", "BTC"), ("btc", "BTC"), ("BTC/USDT", "BTC"), ("BTC/USDT:USDT", "BTC"), ("BTCUSD", "BTC"),
        ("BTCUSDT", "BTC"), ("BTC-USD", "BTC"), ("BTC_USDT", "BTC"), ("$BTC", "BTC"), ("X:BTCUSD", "BTC"),
        ("CRYPTO:BTC", "BTC"), ("BINANCE:BTCUSDT", "BTC"), ("BTC.X", "BTC"), ("BTC-PERP", "BTC"), ("XBT/USD", "BTC"),
        ("BTCUSDT.P", "BTC"), ("Bitcoin", "BTC"), ("bitcoin", "BTC"), ("bitcoin-cash", "BCH"), ("Shiba Inu", "SHIB"),
        ("near", "NEAR"), ("PEPEUSDT", "PEPE"), ("PYUSD", "PYUSD"), ("FDUSD", "FDUSD"), ("USDT", "USDT"),
        ("WBTC", "WBTC"), ("BITCOIN", "BITCOIN"), ("$1", None), ("a b", None), ("", None), ("ETHBTC", "ETHBTC"),
        ("USD", None), ("EUR", None),
    ],
)  # fmt: skip
def test_a_symbol_stands_for_its_base_asset(symbol, asset):
    assert asset_of_symbol(symbol) == asset


@pytest.mark.parametrize(
    ("symbol", "asset"),
    [("BTCUSD", "BTC"), ("BTC/USD", "BTC"), ("$DOGE", "DOGE"), ("X:ETHUSD", "ETH"), ("CRYPTO:SOL", "SOL"),
     ("Bitcoin", "BTC"), ("LINK", None), ("COIN", None), ("NASDAQ:COIN", None), ("BTC", None), ("SOL", None)],
)  # fmt: skip
def test_a_bare_ticker_among_stocks_is_a_stock(symbol, asset):
    assert asset_of_symbol(symbol, among_stocks=True) == asset
