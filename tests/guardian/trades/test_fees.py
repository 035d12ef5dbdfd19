import pytest

from freqai_ext.guardian.trades.fees import ASSUMED_FEE_BPS, Fee, fee_of


def fee(paid, currency, side="buy", price=100.0, quantity=2.0, symbol="BTCUSDT"):
    return fee_of(paid, currency, symbol=symbol, side=side, price=price, quantity=quantity)


@pytest.mark.parametrize(
    ("currency", "symbol", "coin"),
    [
        ("BTC", "BTCUSDT", "base"),
        ("usdt", "BTCUSDT", "quote"),
        ("T", "TUSDT", "base"),
        ("USDT", "USDTUSDC", "base"),
        ("USDC", "USDTUSDC", "quote"),
        ("1INCH", "1INCHUSDT", "base"),
    ],
)
def test_a_named_coin_decides(currency, symbol, coin):
    assert fee(0.001, currency, symbol=symbol) == Fee(0.001, coin)


def test_a_rebate_is_a_negative_fee():
    assert fee(-0.001, "USDT", "sell") == Fee(-0.001, "quote")


@pytest.mark.parametrize("currency", [None, "0.001", "0", "1e-3", "0.10%", "n/a"])
@pytest.mark.parametrize(
    ("side", "paid", "coin"),
    [("buy", 0.002, "base"), ("buy", 0.2, "quote"), ("sell", 0.2, "quote"), ("buy", 0.0, "base")],
)
def test_without_a_coin_the_size_of_the_fee_tells_it(currency, side, paid, coin):
    assert fee(paid, currency, side) == Fee(paid, coin)


def test_a_sell_is_taken_to_pay_in_the_quote_currency_unless_the_fee_is_too_large_for_that():
    assert fee(0.002, None, "sell", price=0.1) == Fee(0.002, "base")
    assert fee(0.0002, None, "sell", price=0.1) == Fee(0.0002, "quote")


@pytest.mark.parametrize(("paid", "currency"), [(None, "USDT"), (None, None), (0.5, "MNT"), (0.5, "ETH")])
def test_an_unknown_fee_counts_as_the_usual_one_and_says_so(paid, currency):
    assert fee(paid, currency, "sell") == Fee(200.0 * ASSUMED_FEE_BPS / 1e4, "quote", assumed=True)
    assert fee(paid, currency, "buy") == Fee(2.0 * ASSUMED_FEE_BPS / 1e4, "base", assumed=True)
