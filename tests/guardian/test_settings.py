import pytest

from freqai_ext._settings import parse_settings
from freqai_ext.errors import SettingsError
from freqai_ext.guardian.settings import GuardianSettings

PATH = "freqai_ext.guardian"


def parse(**raw):
    return parse_settings(GuardianSettings, raw, PATH)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"url": "localhost:8099"}, f"{PATH}.url: 'localhost:8099' is not valid; it has no scheme; write http://local"),
        ({"url": "ftp://h:1"}, "it has no scheme; write http://h:1"),
        ({"url": "http://h:1/x?y=1"}, "write scheme, host and port only, such as http://127.0.0.1:8099"),
        ({"url": "http://h:99999"}, "write scheme, host and port only"),
        ({"url": "http://:8099"}, "write scheme, host and port only"),
        ({"tokn": "x"}, f"{PATH}.tokn: unknown setting; did you mean 'token'?"),
        ({"push_interval_s": 60, "predict_interval_min": 5}, "push_interval_s and predict_interval_min say the same"),
        ({"predict_interval_min": 0.1}, "predict_interval_min must be at least 0.17, which is 10 seconds"),
        ({"train_cron": "every day"}, f"{PATH}.train_cron: 'every day' is not valid; it is no cron expression"),
        (
            {"features": {"poll_interval_s": 60}},
            f"{PATH}.features.poll_interval_s: 60 is not valid; input should be gre",
        ),
        ({"trades": {"meta_label": True}}, "meta_label needs data_dir, Guardian's data directory"),
        ({"token": 12345678}, f"{PATH}.token: the value (hidden) is not valid; it is a number, as which Freqtrade"),
        (
            {"policy": {"shutdown": "silent"}},
            f"{PATH}.policy.shutdown: 'silent' is not valid; input should be 'retract'",
        ),
    ],
)
def test_a_wrong_setting_names_its_path_value_rule_and_remedy(raw, message):
    with pytest.raises(SettingsError) as failure:
        parse(**raw)
    assert message in str(failure.value)


@pytest.mark.parametrize(
    "raw",
    [{"token": "geheim-é"}, {"url": "http://bot:geheim@h:8099"}, {"url": "bot:geheim@h:8099"}, {"token": ["geheim"]}],
)
def test_a_secret_in_a_wrong_setting_is_not_shown(raw):
    with pytest.raises(SettingsError) as failure:
        parse(**raw)
    assert "geheim" not in str(failure.value)


def test_a_token_is_stripped_and_hidden_and_a_blank_one_is_none():
    settings = parse(token="  geheim ")
    assert settings.token.get_secret_value() == "geheim"
    assert "geheim" not in repr(settings)
    assert parse(token=" ").token is None


@pytest.mark.parametrize(
    ("raw", "interval_s"), [({}, 300.0), ({"push_interval_s": 60}, 60.0), ({"predict_interval_min": 2}, 120.0)]
)
def test_the_interval_may_be_given_in_seconds_or_as_the_original_names_it_in_minutes(raw, interval_s):
    assert parse(**raw).interval_s == interval_s


def test_features_may_be_switched_by_a_single_word():
    assert parse(features=True).features.enabled
    assert not parse(features=False).features.enabled
    assert not parse().features.enabled


def test_a_closing_slash_of_the_address_is_dropped():
    assert parse(url="http://guardian:8099/").url == "http://guardian:8099"
