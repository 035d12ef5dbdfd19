"""``freqai-ext guardian record`` and ``status`` against a reference Guardian."""

import json

import pytest
from typer.testing import CliRunner

from freqai_ext.cli.app import app
from freqai_ext.guardian.database import open_database
from freqai_ext.guardian.feature_store import FeatureStore
from freqai_ext.guardian.journal import Journal
from freqai_ext.guardian.opinion import Opinion, OpinionSet
from freqai_ext.guardian.payload import Thresholds, opinions_payload
from freqai_ext.guardian.sandbox import Fault, Sandbox, SandboxSettings
from freqai_ext.guardian.settings import GuardianPolicySettings

NOW_S = 1_795_000_000.0


@pytest.fixture(scope="module")
def guardian():
    with Sandbox(SandboxSettings(network="mainnet")) as sandbox:
        yield sandbox


@pytest.fixture
def call(guardian, tmp_path):
    """Run a command with a configuration that points to the sandbox."""

    def run(command, *words, pairs=("BTC/USDT", "ETH/USDT"), **settings):
        own = {"url": guardian.url, "database": str(tmp_path / "guardian.sqlite"), **settings}
        config = {"exchange": {"name": "bybit", "pair_whitelist": list(pairs)}, "freqai_ext": {"guardian": own}}
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config))
        return CliRunner().invoke(app, ["guardian", command, "-c", str(path), *words])

    return run


def push(guardian, path, probability):
    """Push a set as the bot would, and note it in its journal."""
    import httpx

    opinion = Opinion("BTC/USDT", NOW_S, probability, 5.0, 0.5, 60.0, 0.0, True)
    opinions = OpinionSet(("BTC/USDT",), {"BTC/USDT": opinion}, NOW_S, 300.0, "M", "i")
    payload = opinions_payload(opinions, NOW_S, GuardianPolicySettings(), Thresholds(), f"push-{probability}")
    answer = httpx.post(f"{guardian.url}/predictions", content=payload.body, trust_env=False)
    assert answer.json()["symbols"] == 1
    if path is not None:
        engine = open_database(path)
        journal = Journal(engine, 10.0, lambda: NOW_S)
        journal.begin_session()
        journal.opened(payload)
        journal.ended(payload.push_id, 1, "accepted", status=200, accepted=1)
        engine.dispose()


def test_features_are_recorded_without_a_bot(call, tmp_path):
    done = call("record", "--minutes", "0.03")
    assert done.exit_code == 0, done.output
    assert "Recording 2 pairs" in done.output
    store = FeatureStore.recorded(tmp_path / "guardian.sqlite")
    assert store.symbols() == ("BTCUSDT", "ETHUSDT")
    store.close()


def test_without_pairs_there_is_nothing_to_record(call):
    done = call("record", "--minutes", "0.01", pairs=())
    assert "exchange.pair_whitelist: names no pairs" in str(done.exception)


def test_the_status_says_whether_guardian_holds_what_it_was_told_last(call, guardian, tmp_path):
    push(guardian, tmp_path / "guardian.sqlite", 0.6)
    done = call("status")
    assert done.exit_code == 0, done.output
    assert "on mainnet, holds opinions of 1 pairs" in done.output
    assert "last push: opinions, 1 pairs" in done.output
    assert "read back: it holds what it was sent" in done.output

    push(guardian, None, 0.3)
    done = call("status")
    assert done.exit_code == 1
    assert "read back: different: BTCUSDT" in done.output


def test_the_status_of_a_guardian_on_the_other_network_or_of_none_is_not_sound(call):
    done = call("status", network="testnet")
    assert done.exit_code == 1
    assert "freqai_ext.guardian.network: 'testnet' is demanded" in done.output
    done = call("status", url="http://127.0.0.1:1")
    assert done.exit_code == 1
    assert "no connection" in done.output


def test_a_stored_set_that_cannot_be_read_is_not_sound(call, guardian, tmp_path):
    push(guardian, tmp_path / "guardian.sqlite", 0.6)
    guardian.add_fault(Fault(kind="error_500", route="/predictions"))
    try:
        done = call("status")
    finally:
        guardian.remove_faults()
    assert done.exit_code == 1
    assert "read back: not possible now" in done.output
