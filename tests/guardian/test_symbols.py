import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqai_ext.guardian.symbols import canonical_symbol, guardian_symbol


@pytest.mark.parametrize(
    ("pair", "symbol"),
    [
        ("BTC/USDT", "BTC/USDT"),
        ("btc/usdt", "BTC/USDT"),
        (" SOL/USDT ", "SOL/USDT"),
        ("XRP/USDT:USDT", "XRP/USDT"),
        ("1000PEPE/USDT", "1000PEPE/USDT"),
        ("ETH/BTC", None),
        ("BTC/USDC", None),
        ("BTC/USDC:USDC", None),
        ("BTC/USD:BTC", None),
        ("BTC_USDT", None),
        ("BTCUSDT", None),
        ("A_B/USDT", None),
        ("", None),
    ],
)
def test_only_pairs_against_usdt_have_a_name_that_guardian_matches(pair, symbol):
    assert guardian_symbol(pair) == symbol


@given(st.text())
def test_a_name_that_is_sent_is_stored_as_letters_and_digits(pair):
    symbol = guardian_symbol(pair)
    if symbol is not None:
        stored = canonical_symbol(symbol)
        assert stored.isascii()
        assert stored.isalnum()
        assert stored.endswith("USDT")
