import json
from pathlib import Path

import pandas as pd
import pytest

from freqai_ext.errors import WalkforwardError
from freqai_ext.walkforward import Window
from freqai_ext.walkforward.cache import STAGING, PredictionCache

WINDOW = Window("ETH/USDT", 1736035200, 1736121600)
DATES = pd.Series(pd.date_range("2025-01-05", periods=288, freq="5min", tz="UTC"))


def config_in(folder: Path, **freqai: object) -> dict:
    return {
        "user_data_dir": folder,
        "strategy": "S",
        "freqaimodel": "M",
        "timeframe": "5m",
        "freqai": {"identifier": "id", "model_training_parameters": {"n_estimators": 10}, **freqai},
    }


def write_window(cache: PredictionCache, rows: int = 288) -> None:
    cache.predictions_folder.mkdir(parents=True, exist_ok=True)
    (cache.folder / WINDOW.folder).mkdir(parents=True, exist_ok=True)
    pd.DataFrame({"date": DATES[:rows], "&-a": 1.0}).to_feather(cache.path(WINDOW))
    metadata = {"training_features_list": ["%-a"], "data_path": "elsewhere", "labels_std": {"&-a": float("nan")}}
    (cache.folder / WINDOW.folder / f"{WINDOW.name}_metadata.json").write_text(json.dumps(metadata))


@pytest.fixture
def cache(tmp_path: Path) -> PredictionCache:
    return PredictionCache(config_in(tmp_path))


def test_a_window_is_held_when_all_its_candles_are_predicted(cache):
    assert not cache.holds(WINDOW, DATES)
    write_window(cache)
    assert cache.holds(WINDOW, DATES)
    write_window(cache, rows=287)
    assert not cache.holds(WINDOW, DATES)


def test_half_a_prediction_file_is_not_used(cache):
    write_window(cache)
    whole = cache.path(WINDOW).read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 1):
        cache.path(WINDOW).write_bytes(whole[:size])
        assert cache.read(WINDOW) is None


@pytest.mark.parametrize("text", [None, "", '{"training_feat', "{}"])
def test_predictions_without_metadata_are_not_used_because_freqai_fails_on_them(cache, text):
    write_window(cache)
    metadata = cache.folder / WINDOW.folder / f"{WINDOW.name}_metadata.json"
    metadata.unlink() if text is None else metadata.write_text(text)
    assert cache.read(WINDOW) is None


def test_publishing_moves_a_window_with_its_models_and_corrects_its_path(cache, tmp_path):
    with cache.staging() as identifier:
        staged = PredictionCache(config_in(tmp_path, identifier=identifier))
        write_window(staged)
        (staged.folder / WINDOW.folder / f"{WINDOW.name}_model.joblib").write_bytes(b"model")
        cache.publish(WINDOW, staged)
        assert not staged.path(WINDOW).exists()
    assert cache.holds(WINDOW, DATES)
    folder = cache.folder / WINDOW.folder
    assert (folder / f"{WINDOW.name}_model.joblib").read_bytes() == b"model"
    assert json.loads((folder / f"{WINDOW.name}_metadata.json").read_text())["data_path"] == str(folder)
    assert not staged.folder.exists()


def test_saved_models_are_entered_in_the_pair_dictionary_newest_last(cache):
    later = Window("ETH/USDT", WINDOW.stop, WINDOW.stop + 86_400)
    without_model = Window("BTC/USDT", WINDOW.start, WINDOW.stop)
    for window in (WINDOW, later):
        (cache.folder / window.folder).mkdir(parents=True)
        (cache.folder / window.folder / f"{window.name}_model.joblib").touch()
    (cache.folder / "pair_dictionary.json").write_text('{"SOL/USDT": {"model_filename": "cb_sol_1"}}')
    cache.record_models([later, WINDOW, without_model])
    known = json.loads((cache.folder / "pair_dictionary.json").read_text())
    assert known["SOL/USDT"] == {"model_filename": "cb_sol_1"}
    assert known["ETH/USDT"]["model_filename"] == later.name
    assert known["ETH/USDT"]["trained_timestamp"] == later.start
    assert "BTC/USDT" not in known


def test_a_second_run_in_the_same_folder_is_refused_and_leftovers_are_cleared(cache):
    leftover = cache.folder / STAGING / "killed"
    with cache.locked():
        leftover.mkdir(parents=True)
        with pytest.raises(WalkforwardError, match="another walk-forward run is writing here"), cache.locked():
            pass
    assert not leftover.exists()
    with cache.locked():
        pass


def test_a_killed_publish_leaves_a_window_that_is_trained_again(cache, tmp_path, monkeypatch):
    staged = PredictionCache(config_in(tmp_path, identifier="id/staged"))
    write_window(staged)

    replace = Path.replace

    def killed(self: Path, target: Path) -> Path:
        if self.suffix == ".feather":
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        cache.publish(WINDOW, staged)
    assert not cache.holds(WINDOW, DATES)
