"""The container of ``configs/guardian_sidecar``: what it may do, and that its parts and settings fit together."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from freqtrade.commands import Arguments
from freqtrade.config_schema import CONF_SCHEMA
from freqtrade.configuration.config_validation import validate_config_schema
from freqtrade.configuration.environment_vars import environment_vars_to_dict
from freqtrade.enums import RunMode
from freqtrade.exceptions import ConfigurationError
from freqtrade.misc import deep_merge_dicts

from freqai_ext.config import SECTION, load_ext_settings
from freqai_ext.errors import SettingsError
from freqai_ext.guardian.metrics import GuardianMetrics
from freqai_ext.guardian.settings import GuardianSettings
from freqai_ext.scaffold.starting_config import sidecar_config
from freqai_ext.scaffold.userdir import class_files
from freqai_ext.strategies.GuardianSidecarStrategy import GuardianSidecarStrategy

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "configs" / "guardian_sidecar"
HEALTH_CHECK = FOLDER / "health_check.py"
FILLED_IN = {"FREQTRADE__API_SERVER__PASSWORD": "open-sesame", "FREQTRADE__API_SERVER__JWT_SECRET_KEY": "k" * 64}
VARIABLE = re.compile(r"\$\{(\w+):([-?])([^}]*)\}")


class MissingVariableError(Exception):
    pass


def substituted(text, variables):
    """Replace ``${NAME:-default}`` and ``${NAME:?what to do}`` as Compose does."""

    def value(match):
        name, otherwise, text = match.groups()
        if variables.get(name):
            return variables[name]
        if otherwise == "?":
            raise MissingVariableError(f"{name}: {text}")
        return text

    return VARIABLE.sub(value, text)


def env_example(*, with_comments=True):
    """Return the variables of the example; with those that are commented out."""
    pattern = re.compile(r"^#?([A-Z]\w*)=(.*)$" if with_comments else r"^([A-Z]\w*)=(.*)$", re.MULTILINE)
    return dict(pattern.findall((FOLDER / ".env.example").read_text()))


def compose(variables=FILLED_IN):
    return yaml.safe_load(substituted((FOLDER / "compose.yaml").read_text(), variables))


def sidecar(variables=FILLED_IN):
    return compose(variables)["services"]["sidecar"]


def mounts(service):
    """Return path in the container -> (source, read-only)."""
    found = {}
    for volume in service["volumes"]:
        if isinstance(volume, str):
            source, target, *mode = volume.rsplit(":", 2 if volume.endswith(":ro") else 1)
            found[target] = (source, mode == ["ro"])
        else:
            found[volume["target"]] = (volume["source"], volume["read_only"])
    return found


def options(service):
    """Return what Freqtrade makes of the command line."""
    return Arguments(list(service["command"])).get_parsed_arg()


def shipped_config():
    """Return what ``config.json`` is generated from."""
    return json.loads(json.dumps(sidecar_config()))


def combined_config(monkeypatch, variables, file=None):
    """Return the configuration in the container, put together as Freqtrade does, the strategy's part included."""
    for name, value in (variables | sidecar(variables)["environment"]).items():
        monkeypatch.setenv(name, value)
    config = deep_merge_dicts(environment_vars_to_dict(), file or shipped_config())
    strategy = GuardianSidecarStrategy
    return config | {"stoploss": strategy.stoploss, "minimal_roi": strategy.minimal_roi, "runmode": RunMode.DRY_RUN}


def leaves(value, path=()):
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    else:
        yield path


def health_check(port, max_age_s=900):
    command = [sys.executable, HEALTH_CHECK, "--port", str(port), "--max-age-s", str(max_age_s)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def metrics():
    served = GuardianMetrics(lambda: 10_000.0)
    yield served
    served.close()


def test_every_published_port_is_on_the_loopback_address():
    assert sidecar()["ports"]
    assert all(port.startswith("127.0.0.1:") for port in sidecar()["ports"])


def test_the_metrics_stay_inside_the_container():
    port = sidecar()["environment"]["FREQTRADE__FREQAI_EXT__GUARDIAN__METRICS_PORT"]
    assert not any(port in published for published in sidecar()["ports"])


def test_the_container_has_no_more_rights_than_it_needs():
    service = sidecar()
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert not service.keys() & {"privileged", "cap_add", "devices", "pid", "ipc", "network_mode", "user"}
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}


def test_only_user_data_and_the_strategies_parameters_may_be_written():
    writable = {target: source for target, (source, read_only) in mounts(sidecar()).items() if not read_only}
    assert writable == {
        "/freqtrade/user_data": "sidecar_data",
        "/freqtrade/sidecar/strategies": "sidecar_strategies",
    }


def test_hyperopt_can_write_its_parameters_beside_the_strategy_and_its_results():
    """It does so at its end, where hours of work would be lost: ``HyperoptTools.try_export_params``."""
    service = sidecar()
    found = options(service)
    writable = {target for target, (_, read_only) in mounts(service).items() if not read_only}
    assert service["read_only"] is True
    for written in (
        f"{found['strategy_path']}/{found['strategy']}.json",
        f"{found['user_data_dir']}/hyperopt_results/x",
    ):
        assert any(Path(written).is_relative_to(target) for target in writable), written
    # A volume is filled from the image only where the image has something there.
    userdir = re.search(r"freqai-ext init --userdir (\S+)", (FOLDER / "Dockerfile").read_text()).group(1)
    assert found["strategy_path"] == f"{userdir}/strategies"


def test_the_pages_hyperopt_command_is_one_that_freqtrade_understands():
    page = (ROOT / "docs" / "guardian.md").read_text()
    (command,) = re.findall(r"docker compose run --rm .*?sidecar (hyperopt (?:.*\\\n)*.*)", page)
    parsed = Arguments(command.replace("\\\n", " ").split()).get_parsed_arg()
    trade = options(sidecar())
    for name in ("config", "strategy", "strategy_path", "freqaimodel", "freqaimodel_path", "user_data_dir"):
        assert parsed[name] == trade[name], name


def test_guardians_data_are_mounted_read_only_and_not_over_freqtrades():
    found = mounts(sidecar(env_example() | FILLED_IN))
    assert found["/guardian_data"] == (env_example()["GUARDIAN_DATA_DIR"], True)
    assert mounts(sidecar())["/guardian_data"] == ("no_guardian_data", True)
    assert not any(target.startswith("/freqtrade/user_data/") for target in found)


def test_every_named_volume_is_declared():
    named = {source for source, _ in mounts(sidecar()).values() if not source.startswith((".", "/"))}
    assert named == compose()["volumes"].keys()


def test_a_missing_token_folder_or_configuration_stops_the_start():
    binds = {volume["target"]: volume for volume in sidecar()["volumes"] if isinstance(volume, dict)}
    assert binds.keys() == {"/freqtrade/config/config.json", "/run/guardian"}
    assert all(volume["bind"] == {"create_host_path": False} for volume in binds.values())


def test_the_token_is_read_from_a_mounted_folder_so_that_a_new_file_is_seen():
    token = Path(sidecar()["environment"]["FREQTRADE__FREQAI_EXT__GUARDIAN__TOKEN_FILE"])
    assert str(token.parent) in mounts(sidecar())


def test_guardian_on_the_host_is_found_on_linux_too():
    assert "host.docker.internal:host-gateway" in sidecar()["extra_hosts"]
    assert "host.docker.internal" in sidecar()["environment"]["FREQTRADE__FREQAI_EXT__GUARDIAN__URL"]


@pytest.mark.parametrize("name", sorted(FILLED_IN))
def test_it_does_not_start_without_a_secret_of_its_own(name):
    with pytest.raises(MissingVariableError, match=rf"^{name}: write one into \.env$"):
        compose(FILLED_IN | {name: ""})


def test_freqtrade_understands_the_command():
    found = options(sidecar())
    assert found["command"] == "trade"
    assert (found["strategy"], found["freqaimodel"]) == ("GuardianSidecarStrategy", "CalibratedSignalModel")
    assert found["config"] == ["/freqtrade/config/config.json"]


def test_what_the_command_names_is_in_the_container():
    found = options(sidecar())
    places = mounts(sidecar())
    (config,) = found["config"]
    assert config in places
    assert found["user_data_dir"] in places
    assert found["db_url"].removeprefix("sqlite:///").startswith(f"{found['user_data_dir']}/")
    userdir = re.search(r"freqai-ext init --userdir (\S+)", (FOLDER / "Dockerfile").read_text()).group(1)
    for path, name in ((found["strategy_path"], found["strategy"]), (found["freqaimodel_path"], found["freqaimodel"])):
        assert f"{Path(path).relative_to(userdir)}/{name}.py" in class_files()
        # Of a mount over them only a named volume has what the image has there.
        assert not any(path.startswith(f"{target}/") for target in places)
        assert places.get(path, ("sidecar_strategies", False)) == ("sidecar_strategies", False)


def test_it_has_the_time_to_say_the_last_word():
    minutes = int(re.fullmatch(r"(\d+)m", sidecar()["stop_grace_period"]).group(1))
    assert 60.0 * minutes > load_ext_settings(shipped_config()).guardian.shutdown_timeout_s + 60.0
    assert sidecar()["stop_signal"] in ("SIGTERM", "SIGINT")


def test_the_health_check_is_in_the_image_and_asks_the_port_that_is_served():
    service = sidecar()
    _, interpreter, script, *arguments = service["healthcheck"]["test"]
    assert interpreter == "python"
    assert re.search(rf"COPY .*/health_check\.py {script}$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)
    asked = dict(zip(arguments[::2], arguments[1::2], strict=True))
    assert asked["--port"] == service["environment"]["FREQTRADE__FREQAI_EXT__GUARDIAN__METRICS_PORT"]
    assert float(asked["--max-age-s"]) >= 2 * load_ext_settings(shipped_config()).guardian.interval_s


@pytest.mark.parametrize("variables", [FILLED_IN, env_example() | FILLED_IN], ids=["least", "all of the example"])
def test_the_configuration_in_the_container_is_valid_and_a_dry_run(monkeypatch, variables):
    config = combined_config(monkeypatch, variables)
    validated = validate_config_schema(config)
    assert validated["dry_run"] is True
    assert validated["api_server"]["listen_port"] == 8080
    guardian = load_ext_settings(config).guardian
    assert guardian.publish
    assert not guardian.allow_live
    assert guardian.network == "mainnet"
    assert (guardian.url, guardian.metrics_port) == ("http://host.docker.internal:8099", 9464)
    assert guardian.trades.data_dir == (None if variables == FILLED_IN else Path("/guardian_data"))


def test_real_orders_cannot_be_switched_on_by_the_configuration_file(monkeypatch):
    assert combined_config(monkeypatch, FILLED_IN, shipped_config() | {"dry_run": False})["dry_run"] is True


def test_every_variable_is_a_setting_that_something_reads(monkeypatch):
    for name, value in {**env_example(), **FILLED_IN, **sidecar()["environment"]}.items():
        if name.startswith("FREQTRADE__"):
            monkeypatch.setenv(name, value)
    found = environment_vars_to_dict()
    # Unknown keys of our section are errors.
    load_ext_settings({SECTION: found.pop(SECTION)})
    for first, *rest in leaves(found):
        properties = CONF_SCHEMA["properties"]
        assert first in properties, first
        if rest:
            assert rest[0] in properties[first]["properties"], (first, *rest)


def test_every_other_variable_of_the_example_is_used_by_compose():
    used = {match[0] for match in VARIABLE.findall((FOLDER / "compose.yaml").read_text())}
    assert {name for name in env_example() if not name.startswith("FREQTRADE__")} <= used


def test_the_example_states_the_defaults():
    active = env_example(with_comments=False) | FILLED_IN
    with_defaults, stated = sidecar(), sidecar(active)
    assert with_defaults == stated


def test_a_misspelt_variable_is_refused(monkeypatch):
    monkeypatch.setenv("FREQTRADE__FREQAI_EXT__GUARDIAN__TOKEN_FIEL", "/run/guardian/token")
    with pytest.raises(SettingsError, match=r"freqai_ext\.guardian\.token_fiel: unknown setting; did you mean"):
        load_ext_settings(environment_vars_to_dict())


def test_a_short_key_is_refused_by_freqtrade(monkeypatch):
    short = {**FILLED_IN, "FREQTRADE__API_SERVER__JWT_SECRET_KEY": "short"}
    config = combined_config(monkeypatch, short)
    with pytest.raises(ConfigurationError, match="'short' is too short"):
        validate_config_schema(config)


def test_no_file_holds_a_secret():
    secret = re.compile(r"PASSWORD|SECRET|TOKEN$|KEY$")
    assert all(not value for name, value in env_example().items() if secret.search(name))
    guardian = shipped_config()[SECTION]["guardian"]
    assert guardian.keys() <= GuardianSettings.model_fields.keys()
    assert "token" not in guardian
    # The compose file names it.
    assert guardian["token_file"] is None
    assert not shipped_config()["exchange"].keys() & {"key", "secret", "password"}
    assert "api_server" not in shipped_config()


def test_git_ignores_the_secrets():
    assert (FOLDER / ".gitignore").read_text().split() == ["/.env", "/secrets/"]


def test_the_page_names_every_metric_and_no_other(metrics):
    lines = (ROOT / "docs" / "guardian.md").read_text().splitlines()
    first = lines.index("| Metric | Meaning |") + 2
    table = lines[first : lines.index("", first)]
    named = {name for line in table for name in re.findall(r"`(\w+)", line.split("|")[1])}
    families = [family for family in metrics.registry.collect() if family.type != "counter"]
    counters = [f"{family.name}_total" for family in metrics.registry.collect() if family.type == "counter"]
    served = {*counters, *(family.name for family in families)}
    assert {f"freqai_ext_guardian_{name}" for name in named} == served


def test_the_image_is_of_the_freqtrade_that_the_package_asks_for():
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    least = next(re.fullmatch(r"freqtrade\[.*\]>=([\d.]+)", each) for each in dependencies if "freqtrade" in each)
    tag = re.search(r"^ARG FREQTRADE_TAG=(\S+)$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE).group(1)
    assert tag == f"{least.group(1)}_freqai"


def test_what_the_image_copies_exists_and_is_sent_to_the_builder():
    copied = re.findall(r"^COPY (?:--\S+ )*(.*) \S+$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)
    sources = {source for line in copied for source in line.split()}
    assert all((ROOT / source).exists() for source in sources)
    first, *rest = (FOLDER / "Dockerfile.dockerignore").read_text().split()
    assert first == "*"
    assert {line.removeprefix("!") for line in rest if line.startswith("!")} == sources


def test_a_push_of_late_is_healthy(metrics):
    metrics.pushed("opinions", "accepted", 3, 3, 9_100.0, 0.01)
    assert health_check(metrics.serve(0)).returncode == 0


def test_an_old_push_is_not_healthy(metrics):
    metrics.pushed("opinions", "accepted", 3, 3, 9_099.0, 0.01)
    metrics.pushed("opinions", "failed", 3, None, 9_999.0, None)
    result = health_check(metrics.serve(0))
    assert result.returncode == 1
    assert result.stderr == "Guardian accepted the last push 901 s ago; 900 s are allowed\n"


def test_no_push_at_all_is_not_healthy(metrics):
    result = health_check(metrics.serve(0))
    assert (result.returncode, result.stderr) == (1, "Guardian has accepted no push yet\n")


def test_a_bot_that_is_gone_is_not_healthy(metrics):
    port = metrics.serve(0)
    metrics.close()
    result = health_check(port)
    assert result.returncode == 1
    assert result.stderr.startswith("the sidecar's metrics cannot be read: ")
    assert "refused" in result.stderr
