"""What the routes answer: contract, sections 3, 4, 6, 7 and 8."""

import json

import pytest

from freqai_ext.errors import SettingsError

GOOD = {"source": "freqtrade", "predictions": {"BTC/USDT": {"probability": 0.6, "ev_bps": 20.0}}}
TOKEN = {"x-api-token": "secret"}


def test_health_before_any_push_is_as_the_contract_shows_it(guardian_of):
    status, answer = guardian_of().get("health")
    assert status == 200
    assert answer["settings"] == {
        "testnet": False,
        "ai_enabled": True,
        "ai_buy_threshold": 0.52,
        "ai_sell_threshold": 0.42,
        "freqai_enabled": True,
    }
    assert answer["predictions"] == {
        "generated_at": None,
        "source": None,
        "total_pairs": 0,
        "stale": True,
        "recency_seconds": 3600.0,
        "top": [],
    }
    assert [answer[key] for key in ("status", "generated_at", "updated_at", "source", "symbols")] == [
        "ok",
        None,
        None,
        None,
        0,
    ]


def test_predictions_before_any_push_are_empty(guardian_of):
    empty = {"generated_at": None, "updated_at": None, "source": None, "pairs": {}}
    assert guardian_of().get("predictions") == (200, empty)


def test_a_push_replaces_the_whole_set(guardian_of):
    guardian = guardian_of()
    guardian.push({"predictions": {"BTC/USDT": {"probability": 0.6}, "ETH/USDT": {"probability": 0.6}}})
    assert guardian.push({"predictions": {"ETH/USDT": {"probability": 0.7}}}) == (200, {"status": "ok", "symbols": 1})
    assert guardian.get("predictions")[1]["pairs"].keys() == {"ETHUSDT"}


@pytest.mark.parametrize("body", [{}, {"predictions": {}}, {"prediction": {"BTCUSDT": {"probability": 0.5}}}])
def test_a_push_of_nothing_erases_everything_with_200(guardian_of, body):
    guardian = guardian_of()
    guardian.push(GOOD)
    assert guardian.push(body) == (200, {"status": "ok", "symbols": 0})
    assert guardian.get("predictions")[1]["pairs"] == {}


@pytest.mark.parametrize("body", [b"[]", b"null", b"{", b""])
def test_a_push_that_is_refused_leaves_the_set(guardian_of, body):
    guardian = guardian_of()
    guardian.push(GOOD)
    assert guardian.push(body)[0] in (400, 422)
    assert guardian.stored()["probability"] == 0.6


def test_the_number_of_stored_pairs_is_answered_not_that_of_those_sent(guardian_of):
    pairs = {"A/USDT": {"probability": 0}, "B/USDT": {"probability": 0.5}, "B-USDT": {"probability": 0.6}, "C": 3}
    assert guardian_of().push({"predictions": pairs})[1]["symbols"] == 1


POISONS = {
    "an infinite expected value": b'{"predictions": {"A": {"ev_bps": Infinity}}}',
    "a number beyond what a float holds": b'{"predictions": {"A": {"ev_bps": 1e400}}}',
    "the text inf": b'{"predictions": {"A": {"ev_bps": "inf"}}}',
    "an infinite time": b'{"generated_at": -Infinity, "predictions": {"A": {"probability": 0.5}}}',
    "NaN in the meta of an entry": b'{"predictions": {"A": {"probability": 0.5, "x": NaN}}}',
}


@pytest.mark.parametrize("poison", POISONS.values(), ids=POISONS.keys())
def test_a_number_that_is_not_finite_breaks_reading_until_the_next_push(guardian_of, poison):
    guardian = guardian_of()
    assert guardian.push(poison) == (200, {"status": "ok", "symbols": 1})
    guardian.state.restart()
    for route in ("health", "predictions", "features"):
        assert guardian.get(route) == (500, b"Internal Server Error")
    guardian.push(GOOD)
    assert [guardian.get(route)[0] for route in ("health", "predictions", "features")] == [200, 200, 200]


def test_nan_in_the_meta_of_the_set_breaks_only_predictions(guardian_of):
    guardian = guardian_of()
    guardian.push(b'{"meta": {"x": NaN}, "predictions": {"A": {"probability": 0.5}}}')
    assert [guardian.get(route)[0] for route in ("health", "predictions", "features")] == [200, 500, 200]


def test_a_restart_reads_the_file_through_the_same_rules(guardian_of, tmp_path):
    guardian = guardian_of(folder=tmp_path)
    entries = {"BTC/USDT": {"probability": 0.6, "ev_bps": "0.0"}, "ETH/USDT": {"probability": 0.7, "ev_bps": -1e-6}}
    guardian.push({"meta": {"model": "m"}, "predictions": entries})
    written = json.loads((tmp_path / "ai" / "freqai_predictions.json").read_text())
    assert list(written) == sorted(written)
    guardian.state.restart()
    answer = guardian.get("predictions")[1]
    assert "meta" not in answer
    assert "ev_bps" not in answer["pairs"]["BTCUSDT"]
    assert answer["pairs"]["ETHUSDT"]["ev_bps"] == -1e-6
    assert guardian_of(folder=tmp_path).stored()["probability"] == 0.6


def test_a_file_that_is_no_json_reads_as_an_empty_set(guardian_of, tmp_path, clock):
    path = tmp_path / "ai" / "freqai_predictions.json"
    path.parent.mkdir()
    path.write_text('{"pairs": {"BTCUSDT"')
    answer = guardian_of(folder=tmp_path).get("predictions")[1]
    assert (answer["pairs"], answer["generated_at"]) == ({}, clock.now_s)


def test_a_file_that_is_no_object_breaks_reading_and_a_push_heals_it(guardian_of, tmp_path):
    path = tmp_path / "ai" / "freqai_predictions.json"
    path.parent.mkdir()
    path.write_text("[]")
    guardian = guardian_of(folder=tmp_path)
    assert [guardian.get(route)[0] for route in ("health", "predictions", "features")] == [500, 500, 500]
    assert guardian.push(GOOD)[0] == 200
    assert guardian.stored()["probability"] == 0.6


def test_a_set_that_cannot_be_written_is_kept_in_memory(guardian_of, tmp_path):
    guardian = guardian_of(folder=tmp_path)
    (tmp_path / "ai").write_text("a file where a folder should be")
    assert guardian.push(GOOD) == (500, b"Internal Server Error")
    assert guardian.stored()["probability"] == 0.6


@pytest.mark.parametrize(("minutes", "recency_s"), [(10_080, 3600.0), (15, 900.0), (0, 0.0)])
def test_staleness_goes_by_the_time_of_the_push(guardian_of, clock, minutes, recency_s):
    guardian = guardian_of(ai_retrain_minutes=minutes)
    guardian.push(GOOD)
    clock.now_s += recency_s
    assert guardian.get("health")[1]["predictions"]["stale"] is False
    clock.now_s += 1
    summary = guardian.get("health")[1]["predictions"]
    assert summary["stale"] is (recency_s > 0)
    assert summary["recency_seconds"] == recency_s


def test_the_top_goes_by_what_the_entries_say_of_their_age(guardian_of, clock):
    guardian = guardian_of()
    guardian.push({"generated_at": clock.now_s - 864_000, **GOOD})
    summary = guardian.get("health")[1]["predictions"]
    assert (summary["stale"], summary["total_pairs"], summary["top"]) == (False, 1, [])


@pytest.mark.parametrize(("top_pairs", "symbols"), [(2, ["C", "A"]), (0, []), (-1, []), (9, ["C", "A", "B", "D"])])
def test_the_top_is_sorted_by_expected_value_then_probability(guardian_of, top_pairs, symbols):
    numbers = {"A": (0.7, 5), "B": (0.6, 5), "C": (0.1, 9), "D": (0.9, None)}
    entries = {name: {"probability": probability, "ev_bps": ev} for name, (probability, ev) in numbers.items()}
    guardian = guardian_of(freqai_top_pairs=top_pairs)
    guardian.push({"predictions": entries})
    assert [entry["canonical"] for entry in guardian.get("health")[1]["predictions"]["top"]] == symbols


def test_every_route_wants_the_token(guardian_of):
    guardian = guardian_of(token="secret")
    for route in ("health", "features", "predictions"):
        assert guardian.get(route) == (401, {"detail": "missing_token"})
        assert guardian.get(route, TOKEN)[0] == 200
    assert guardian.push(GOOD) == (401, {"detail": "missing_token"})
    assert guardian.push(GOOD, {"x-api-token": "wrong"}) == (403, {"detail": "invalid_token"})
    assert guardian.push(GOOD, TOKEN)[0] == 200


def test_faults_of_the_body_come_before_the_token_and_of_its_shape_after(guardian_of):
    guardian = guardian_of(token="secret")
    assert guardian.push(b"{")[0] == 422
    assert guardian.push(b'{"a": "\xff"}')[0] == 400
    assert guardian.push(b"[]")[0] == 401
    assert guardian.push(b"")[0] == 401


def test_the_token_can_be_rotated_while_it_runs(guardian_of):
    guardian = guardian_of(token="secret")
    guardian.state.change({"token": "other"})
    assert guardian.get("health", TOKEN)[0] == 403
    assert guardian.get("health", {"x-api-token": "other"})[0] == 200


def test_a_setting_that_is_fixed_is_refused_by_name(guardian_of):
    guardian = guardian_of(token="secret")
    with pytest.raises(SettingsError, match=r"sandbox\.port: cannot be changed while it runs"):
        guardian.state.change({"port": 1})
    with pytest.raises(SettingsError, match=r"sandbox\.network: 'moon' is not valid"):
        guardian.state.change({"network": "moon"})
    with pytest.raises(SettingsError) as caught:
        guardian.state.change({"token": ["secret-of-mine"]})
    assert "secret-of-mine" not in str(caught.value)


def test_pushes_are_logged_with_what_became_of_them(guardian_of, clock):
    guardian = guardian_of(token="secret")
    guardian.push({**GOOD, "meta": {"push_id": "p1", "kind": "opinions"}}, TOKEN)
    guardian.push({**GOOD, "meta": {"push_id": "p2"}})
    first, second = guardian.state.pushes.since()
    assert (first.push_id, first.kind, first.status, first.symbols) == ("p1", "opinions", 200, 1)
    assert (first.number, first.at_s, first.fault) == (1, clock.now_s, None)
    assert (second.push_id, second.status, second.symbols) == ("p2", 401, None)
    assert guardian.state.pushes.since(1) == (second,)
