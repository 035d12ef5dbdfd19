import json

import pytest

from freqai_ext.errors import GuardianError
from freqai_ext.guardian.recorder import current_features
from freqai_ext.guardian.settings import GuardianSettings


def serve(guardian, journal):
    pairs = [{"symbol": "ADAUSDT", "trend": "buy", "features": {"change_pct": 1.5}}]
    content = {"pairs": pairs, "executions_path": f"/srv/guardian/_data/pnl/{journal}"}
    guardian.answer("/features", json.dumps(content).encode())


def test_current_features_are_those_of_the_pairs_asked_for(guardian):
    serve(guardian, "executions.mainnet.jsonl")
    frame = current_features(GuardianSettings(url=guardian.url, network="mainnet"), ["ADA/USDT", "BTC/USDT"])
    assert frame.index.tolist() == ["ADAUSDT"]
    assert frame.loc["ADAUSDT", "change_pct"] == 1.5
    assert [request.path for request in guardian.requests] == ["/features"]


def test_current_features_of_another_network_are_an_error(guardian):
    serve(guardian, "executions.testnet.jsonl")
    with pytest.raises(GuardianError, match=r"network: 'mainnet' is demanded, and http://.* is on testnet; correct"):
        current_features(GuardianSettings(url=guardian.url, network="mainnet"), ["ADA/USDT"])
