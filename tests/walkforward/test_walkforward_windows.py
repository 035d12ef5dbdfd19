from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqai_ext.walkforward import Window, pair_windows
from freqai_ext.walkforward.windows import Chunk, split_into_chunks, split_panel

DAY = 86_400


def windows_of(counts: list[int]) -> list[tuple[Window, ...]]:
    return [
        tuple(Window(f"C{pair}/USDT", DAY * start, DAY * (start + 1)) for start in range(count))
        for pair, count in enumerate(counts)
    ]


@given(st.lists(st.integers(1, 60), max_size=8), st.integers(1, 32), st.booleans())
def test_chunks_hold_every_window_once_and_never_mix_pairs(counts, jobs, whole_pairs):
    windows = windows_of(counts)
    chunks = split_into_chunks(windows, jobs, whole_pairs=whole_pairs)
    assert sorted(window for chunk in chunks for window in chunk.windows) == sorted(sum(windows, ()))
    for chunk in chunks:
        assert len({window.pair for window in chunk.windows}) == 1
        assert list(chunk.by_pair.values()) == [chunk.windows]
        assert [window.start for window in chunk.windows] == list(
            range(chunk.windows[0].start, chunk.windows[-1].start + DAY, DAY)
        )
    if whole_pairs:
        assert len(chunks) == len(counts)


def test_one_process_gets_each_pair_in_one_chunk_because_features_are_computed_once_a_chunk():
    assert len(split_into_chunks(windows_of([10, 10, 10]), 1, whole_pairs=False)) == 3


def test_as_many_pairs_as_processes_are_not_cut():
    assert len(split_into_chunks(windows_of([10, 10]), 2, whole_pairs=False)) == 2


def test_one_pair_is_cut_so_that_all_processes_work():
    chunks = split_into_chunks(windows_of([40]), 8, whole_pairs=False)
    assert [len(chunk.windows) for chunk in chunks] == [5] * 8


def test_an_odd_pair_out_does_not_leave_a_process_idle():
    chunks = split_into_chunks(windows_of([10, 10, 10]), 2, whole_pairs=False)
    assert len(chunks) % 2 == 0
    assert len(chunks) <= 12


@given(st.lists(st.integers(1, 40), max_size=6), st.integers(1, 32), st.booleans())
def test_a_panel_keeps_the_windows_of_a_period_together_and_each_process_has_one_chunk(counts, jobs, in_one):
    windows = windows_of(counts)
    chunks = split_panel(windows, jobs, in_one=in_one)
    assert sorted(window for chunk in chunks for window in chunk.windows) == sorted(sum(windows, ()))
    periods = [{window.start for window in chunk.windows} for chunk in chunks]
    assert sum(len(each) for each in periods) == len(set().union(*periods))
    assert len(chunks) == min(1 if in_one else jobs, max(counts, default=0))
    assert all(chunk.windows for chunk in chunks)
    for chunk in chunks:
        for pair, own in chunk.by_pair.items():
            assert {window.pair for window in own} == {pair}
            assert [window.start for window in own] == sorted(window.start for window in own)


def test_a_panel_is_cut_at_about_equal_numbers_of_periods_in_order_of_time():
    chunks = split_panel(windows_of([10, 10]), 3, in_one=False)
    assert [sorted({window.start // DAY for window in chunk.windows}) for chunk in chunks] == [
        [0, 1, 2],
        [3, 4, 5, 6],
        [7, 8, 9],
    ]


def test_a_chunk_of_a_panel_gives_each_pair_its_windows_in_order_of_time():
    first, second = windows_of([2, 1])
    assert Chunk((*first, *second)).by_pair == {"C0/USDT": first, "C1/USDT": second}
    assert Chunk((first[0], *second, first[1])).by_pair == {"C0/USDT": first, "C1/USDT": second}


@pytest.mark.parametrize("timerange", ["20250104-20250107", "20250104-20250106T1200"])
def test_windows_are_those_of_freqai_and_named_alike(make_backtest: Callable, timerange: str):
    from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

    config = make_backtest().load(timerange=timerange)
    windows = pair_windows(config, "ETH/USDT")
    assert windows[0].start == 1735948800
    assert [window.stop for window in windows[:-1]] == [window.start for window in windows[1:]]
    dk = FreqaiDataKitchen(config, live=False, pair="ETH/USDT")
    assert len(dk.training_timeranges) == len(windows)
    for window in windows:
        dk.set_new_model_names("ETH/USDT", window.start)
        assert (dk.model_filename, dk.data_path.name) == (window.name, window.folder)


def test_a_window_is_shown_with_its_pair_and_dates():
    assert str(Window("ETH/USDT", 1735948800, 1736035200)) == "ETH/USDT 2025-01-04 00:00 to 2025-01-05 00:00"
