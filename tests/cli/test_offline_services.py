"""What a bot on replayed candles is kept away from."""

from freqai_ext._services.secrets import secret_paths, variable_of
from freqai_ext.cli._outside_services import VARIABLES, without_services
from freqai_ext.cli._outside_services import without_secrets as without
from freqai_ext.cli._replay_overlay import child_environment
from freqai_ext.config import ExtSettings

PATHS = [path for path in secret_paths(ExtSettings) if "*" not in path]


def test_no_secret_of_the_users_services_is_left_in_force(tmp_path):
    overlay = without_services(tmp_path)
    for path in PATHS:
        place = overlay
        *parents, name = path.split(".")[1:]
        for part in parents:
            place = place[part]
        assert (place[name], place[f"{name}_file"]) == (None, None), path


def test_a_secret_of_what_stands_in_stays():
    own = {"graphiti": {"url": "http://127.0.0.1:1", "token": "of-the-stand-in"}, "llm": {"endpoints": []}}
    found = without("news", own)
    assert found["graphiti"] == {"url": "http://127.0.0.1:1", "token": "of-the-stand-in", "token_file": None}
    assert found["perplexica"] == {"api_key": None, "api_key_file": None}
    assert own["graphiti"] == {"url": "http://127.0.0.1:1", "token": "of-the-stand-in"}


def test_variables_of_secrets_do_not_reach_a_bot_whose_services_are_left_alone(monkeypatch):
    for path in secret_paths(ExtSettings):
        monkeypatch.setenv(variable_of(path.replace("*", "0")), "s3cret")
    monkeypatch.setenv("FREQAI_EXT_DATA", "kept")
    environment, removed = child_environment({}, VARIABLES)
    assert "s3cret" not in environment.values()
    assert set(removed) >= {variable_of(path.replace("*", "0")) for path in secret_paths(ExtSettings)}
    assert environment["FREQAI_EXT_DATA"] == "kept"
    assert "s3cret" in child_environment({})[0].values()
