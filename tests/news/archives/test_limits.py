"""Files that are made to harm: too large when unpacked, endless, no files at all, with characters that hide."""

import gzip
import json
import os
import time
import unicodedata

import pytest

from freqai_ext.errors import NewsDataError
from freqai_ext.guardian.trades.candle_csv import read_candle_csv
from freqai_ext.news.archive import ImportOptions, import_archive
from freqai_ext.news.migrate import migrate
from freqai_ext.news.settings import NewsImportSettings
from freqai_ext.news.standins import NewsStandIns, StandInSettings
from freqai_ext.news.store import NewsStore

MB = 1_000_000


@pytest.fixture
def store(tmp_path):
    store = NewsStore(tmp_path / "news.sqlite")
    yield store
    store.close()


def line(number=0, **others):
    entry = {"id": f"a{number}", "published_at": "2025-03-01T12:00:00Z", "title": "Bitcoin up", "currencies": ["BTC"]}
    return json.dumps(entry | others) + "\n"


def limited(**limits):
    return ImportOptions(limits=NewsImportSettings(**limits))


def size_of(folder):
    return sum(path.stat().st_size for path in folder.glob("news.sqlite*"))


def test_a_small_file_cannot_become_a_large_store(store, tmp_path):
    path = tmp_path / "bomb.jsonl.gz"
    with gzip.open(path, "wt") as file:
        for number in range(12_000):
            file.write(line(number, text="x" * 4_000))
    assert path.stat().st_size < 0.5 * MB
    began_s = time.monotonic()
    with pytest.raises(
        NewsDataError, match=r"(unpacks to more than 50 times its|would take more than 10 MB of the) .*max_ratio"
    ):
        import_archive(store, path)
    assert store.articles() == ()
    assert size_of(tmp_path) < MB
    assert time.monotonic() - began_s < 60.0


def test_one_line_without_an_end_is_not_held_in_memory(store, tmp_path):
    path = tmp_path / "line.jsonl.gz"
    with gzip.open(path, "wb") as file:
        for _ in range(60):
            file.write(b"x" * MB)
    with pytest.raises(NewsDataError, match=r"unpacks to more than 50 times its \d+ bytes, .*imports\.max_ratio"):
        import_archive(store, path)


def test_rows_of_many_assets_count_by_what_they_take(store, tmp_path):
    path = tmp_path / "assets.jsonl.gz"
    with gzip.open(path, "wt") as file:
        for number in range(4_000):
            file.write(line(number, currencies=[f"A{asset}" for asset in range(50)], text=str(number) * 40))
    with pytest.raises(NewsDataError, match=r"would take more than \d+ MB of the store, .*max_stored_mb and max_ratio"):
        import_archive(store, path)
    assert store.articles() == ()


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_articles": 9}, "holds more than 9 articles, .*max_articles"),
        ({"max_unpacked_mb": 0.0005}, "unpacks to more than 0.0005 MB, .*max_unpacked_mb"),
        ({"max_stored_mb": 0.001}, "would take more than 0 MB of the store"),
    ],
)
def test_a_file_above_a_limit_is_refused_as_a_whole(store, tmp_path, limits, message):
    path = tmp_path / "archive.jsonl"
    path.write_text("".join(line(number) for number in range(10)))
    with pytest.raises(NewsDataError, match=message):
        import_archive(store, path, options=limited(**limits))
    assert store.articles() == ()
    assert import_archive(store, path).added == 10


def test_a_document_that_is_read_as_a_whole_has_a_limit_of_its_own(store, tmp_path):
    path = tmp_path / "archive.json"
    path.write_text("[\n" + ",".join(line(number) for number in range(100)) + "]")
    with pytest.raises(NewsDataError, match=r"one document of more than 0\.001 MB; write it as JSON lines"):
        import_archive(store, path, options=limited(max_document_mb=0.001))
    assert import_archive(store, path).added == 100


def test_a_longer_line_is_left_out_and_the_rest_goes_on(store, tmp_path):
    path = tmp_path / "archive.jsonl"
    path.write_text(line(1, text="x" * 3_000) + line(2))
    report = import_archive(store, path, options=limited(max_line_kb=2))
    assert (report.added, report.left_out) == (1, {"longer than 0.002 MB": 1})
    table = tmp_path / "archive.csv"
    table.write_text(f"title,date\n{'x' * 3_000},2025-03-01\nBitcoin up,2025-03-01\n")
    report = import_archive(store, table, options=limited(max_line_kb=2))
    assert (report.added, report.left_out) == (1, {"longer than 0.002 MB": 1})


def test_a_quote_that_is_never_closed_ends_no_import(store, tmp_path):
    path = tmp_path / "archive.csv"
    path.write_text('title,date\nBitcoin up,2025-03-01\n"never closed,2025-03-01\n' + "word,2025-03-01\n" * 20_000)
    report = import_archive(store, path)
    assert report.added >= 1
    assert "not CSV" in report.left_out


@pytest.fixture(params=["pipe", "directory", "device"])
def no_file(request, tmp_path):
    path = tmp_path / "none.jsonl"
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "directory":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    return request.param, path


@pytest.mark.timeout(60)
def test_what_is_no_regular_file_is_refused_at_once_by_all_that_read_files_of_others(store, no_file):
    kind, path = no_file
    for read in (
        lambda: import_archive(store, path),
        lambda: migrate(path),
        lambda: NewsStandIns(StandInSettings(archive=path)).start(),
    ):
        with pytest.raises(NewsDataError, match=rf"none\.jsonl: cannot be read \(it is a {kind}, and only regular"):
            read()
    assert kind in read_candle_csv(path).refused


def test_a_link_to_a_file_is_a_file(store, tmp_path):
    (tmp_path / "real.jsonl").write_text(line())
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "real.jsonl")
    assert import_archive(store, tmp_path / "link.jsonl").added == 1


def test_characters_that_hide_are_nowhere_in_the_store(store, tmp_path):
    hidden = "\x00\x07\x1b[31m\x7f\x85\u200b\u202e\u2066\ufeff\U000e0041"
    path = tmp_path / "hidden.jsonl"
    path.write_text(
        line(id=f"i{hidden}d", title=f"Up{hidden} now", text=f"All\n{hidden}", url=f"https://example.com/{hidden}a")
        + line(2, currencies=[f"B{hidden}TC", "ETH"])
    )
    table = tmp_path / "hidden.csv"
    table.write_text(f"title,date,coin\nUp{hidden} again,2025-03-01,ETH\n")
    feed = tmp_path / "hidden.xml"
    feed.write_text(
        "<rss version='2.0'><channel><item><title>Up\u202e once more</title><guid>g\u200b1</guid>"
        "<pubDate>Sat, 01 Mar 2025 12:00:00 GMT</pubDate></item></channel></rss>"
    )
    assert [import_archive(store, each).added for each in (path, table, feed)] == [2, 1, 1]
    texts = [text for each in store.articles() for text in (each.id, each.title, each.text, each.url, *each.assets)]
    categories = {unicodedata.category(character) for text in texts for character in text}
    assert categories.isdisjoint({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def test_an_import_that_is_broken_off_is_taken_up_by_the_next(store, tmp_path, monkeypatch):
    path = tmp_path / "archive.jsonl"
    path.write_text("".join(line(number) for number in range(12_000)))
    add, calls = store.add_articles, []

    def full(batch):
        calls.append(len(batch))
        if len(calls) == 2:
            raise NewsDataError("database or disk is full")
        return add(batch)

    monkeypatch.setattr(store, "add_articles", full)
    with pytest.raises(NewsDataError, match="full"):
        import_archive(store, path)
    monkeypatch.undo()
    report = import_archive(store, path)
    assert (report.added, report.duplicates, len(store.articles())) == (7_000, 5_000, 12_000)
