import pytest

from freqai_ext._settings import parse_settings
from freqai_ext.errors import SettingsError
from freqai_ext.news.settings import NewsSettings

PATH = "freqai_ext.news"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"perplexica": {"url": "localhost:3000"}}, "has no scheme; write http://localhost:3000"),
        ({"graphiti": {"url": "http://h:1?x=1"}}, "write scheme, host, port and path only"),
        ({"policy": "maybe"}, f"{PATH}.policy: 'maybe' is not valid; input should be 'deny', 'allow' or 'ta_only'"),
        ({"graphiti": {"group_prefix": "a/b"}}, f"{PATH}.graphiti.group_prefix: 'a/b' is not valid"),
        ({"llm": {"endpoints": [{"model": "m"}]}}, f"{PATH}.llm.endpoints.0.api_base: missing"),
        ({"llm": {"endpoints": [{"model": "m", "api_base": "http://h", "trained_until": "June"}]}}, "trained_until"),
    ],
)
def test_a_wrong_setting_names_its_path_value_rule_and_remedy(raw, message):
    with pytest.raises(SettingsError) as failure:
        parse_settings(NewsSettings, raw, PATH)
    assert message in str(failure.value)


@pytest.mark.parametrize("address", ["http://me:geheim@h:3000", "me:geheim@h:3000", "http://geheim@h"])
def test_a_password_in_an_address_is_refused_and_not_shown(address):
    with pytest.raises(SettingsError, match="it holds a password; give the key by its own setting") as failure:
        parse_settings(NewsSettings, {"perplexica": {"url": address}}, PATH)
    assert "geheim" not in str(failure.value)


def test_tickers_of_names_are_upper_case():
    assert parse_settings(NewsSettings, {"names": {"btc ": " Bitcoin"}}, PATH).names == {"BTC": "Bitcoin"}
