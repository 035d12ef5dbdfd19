import gzip
import json
from datetime import UTC, datetime

import pytest

from freqai_ext.errors import NewsDataError
from freqai_ext.news.archive import import_archive
from freqai_ext.news.archives.hindsight import known_afterwards
from freqai_ext.news.store import NewsStore

PUBLISHED = datetime(2025, 2, 1, 12, tzinfo=UTC)
PUBLISHED_S = PUBLISHED.timestamp()


@pytest.fixture
def store(tmp_path):
    store = NewsStore(tmp_path / "news.sqlite")
    yield store
    store.close()


@pytest.fixture
def write(tmp_path):
    def write(*entries, name="archive.jsonl"):
        path = tmp_path / name
        lines = [entry if isinstance(entry, bytes) else json.dumps(entry).encode() for entry in entries]
        content = b"\n".join(lines)
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


def entry(**others):
    return {
        "id": "a1",
        "published_at": "2025-02-01T12:00:00.000Z",
        "title": "ETF approved",
        "currencies": ["BTC"],
    } | others


@pytest.mark.parametrize("name", ["archive.jsonl", "archive.jsonl.gz"])
def test_an_archive_is_stored_with_its_latency(store, write, name):
    report = import_archive(store, write(entry(url=None, text="All of it", is_retweet=False), name=name))
    assert (report.lines, report.added, report.duplicates, report.left_out) == (1, 1, 0, {})
    assert (report.first_s, report.last_s) == (PUBLISHED_S + 600.0, PUBLISHED_S + 600.0)
    article = store.articles()[0]
    assert (article.id, article.title, article.text, article.url) == ("a1", "ETF approved", "All of it", "")
    assert (article.assets, article.published_at_s) == (("BTC",), PUBLISHED_S)
    assert article.first_seen_at_s == PUBLISHED_S + 600.0


@pytest.mark.parametrize(
    "published_at",
    [
        "2025-02-01T12:00:00Z",
        "2025-02-01 12:00:00 UTC",
        "2025-02-01T14:00:00+02:00",
        PUBLISHED_S,
        int(PUBLISHED_S),
        PUBLISHED_S * 1_000,
    ],
)
def test_times_come_in_many_shapes(store, write, published_at):
    import_archive(store, write(entry(published_at=published_at)), latency_s=0.0)
    assert store.articles()[0].first_seen_at_s == PUBLISHED_S


def test_the_vendors_own_time_counts_where_it_is_later(store, write):
    import_archive(store, write(entry(received_at=PUBLISHED_S + 900.0), entry(id="a2", fetched_at=PUBLISHED_S - 900.0)))
    seen_s = {article.id: article.first_seen_at_s for article in store.articles()}
    assert seen_s == {"a1": PUBLISHED_S + 1_500.0, "a2": PUBLISHED_S + 600.0}


def test_a_revised_text_counts_as_seen_only_after_its_revision(store, write):
    names = ["created_at", "updated_at", "modified_at", "edited_at", "crawled_at", "indexed_at", "collected_at"]
    names += ["scraped_at", "added_at", "last_updated_at"]
    lines = [entry(id=name, first_seen_at=PUBLISHED_S, **{name: "2025-02-01T15:00:00Z"}) for name in names]
    import_archive(store, write(*lines))
    assert {article.id: article.first_seen_at_s for article in store.articles()} == dict.fromkeys(
        names, PUBLISHED_S + 3.0 * 3_600.0 + 600.0
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("revision_at", "2025-02-01T15:00:00Z"),
        ("updatedAt", "2025-02-01T15:00:00Z"),
        ("edit_time", "Sat, 01 Feb 2025 15:00:00 GMT"),
        ("event_ts", 1_738_422_000),
        ("event_ts_ms", 1_738_422_000_000),
        ("timestamp", "1738422000"),
        ("vendortimestamp", 1_738_422_000.0),
        ("pubDate", "15:00"),
        ("created_utc", 1_738_422_000),
        ("modified_date", {"$date": "2025-02-01T15:00:00Z"}),
    ],
)
def test_a_time_of_which_nobody_knows_what_it_is_is_refused_and_nothing_is_stored(store, write, field, value):
    path = write(entry(), entry(id="a2", **{field: None}), entry(id="a3", **{field: value}))
    message = rf"line 3 has the time '{field}', .* call it updated_at .*--ignore-fields {field}$"
    with pytest.raises(NewsDataError, match=message):
        import_archive(store, path)
    assert store.articles() == ()
    assert import_archive(store, path, ignore_fields=[field]).added == 3
    assert {article.first_seen_at_s for article in store.articles()} == {PUBLISHED_S + 600.0}


def test_what_is_named_like_a_time_and_is_none_may_be_there(store, write):
    line = entry(reading_time="5 min", time=None, update=True, candidate="Smith", format="2025", delay_ts=90)
    assert import_archive(store, write(line)).added == 1


def test_a_time_of_the_vendors_that_is_passed_over_does_not_count(store, write):
    path = write(entry(updated_at="2999-01-01", edited_at="2025-02-01T13:00:00Z"))
    assert import_archive(store, path).left_out == {"updated_at is in the future": 1}
    import_archive(store, path, ignore_fields=["updated_at"])
    assert store.articles()[0].first_seen_at_s == PUBLISHED_S + 3_600.0 + 600.0


def test_a_time_of_the_vendors_may_be_empty(store, write):
    import_archive(store, write(entry(updated_at=None, edited_at="")))
    assert store.articles()[0].first_seen_at_s == PUBLISHED_S + 600.0


def test_a_revision_for_another_asset_does_not_date_back_the_text_that_is_stored(store, write):
    revised = entry(title="ETF approved, up 9 %", first_seen_at=PUBLISHED_S + 10_000.0)
    import_archive(store, write(revised, entry(currencies=["ETH"]), entry(currencies=["SOL"], title="Even later")))
    for asset in ("BTC", "ETH", "SOL"):
        assert [article.first_seen_at_s for article in store.articles(asset)] == [PUBLISHED_S + 10_600.0]
        assert store.article_times(asset).tolist() == [PUBLISHED_S + 10_600.0]


def test_bad_lines_are_counted_by_reason_and_never_fatal(store, write):
    report = import_archive(
        store,
        write(
            b"{broken",
            b"\xff\xfe",
            b"[1]",
            b'{"title": NaN}',
            entry(title=""),
            entry(title=5),
            entry(published_at=None),
            entry(published_at="yesterday"),
            entry(published_at=True),
            entry(published_at="1970-01-01"),
            entry(published_at="2999-01-01"),
            entry(currencies="BTC"),
            entry(currencies=[1]),
            entry(id=[1]),
            b'{"title": "' + b"x" * 1_200_000 + b'"}',
            b"",
            entry(),
        ),
    )
    assert report.lines == 16
    assert (report.added, report.duplicates) == (1, 0)
    assert report.left_out == {
        "not JSON in UTF-8": 3,
        "published_at is no time; write ISO 8601 or UTC seconds": 2,
        "no JSON object": 1,
        "no title": 1,
        "title is no text": 1,
        "no published_at": 1,
        "published_at is before 2009": 1,
        "published_at is in the future": 1,
        "currencies is no list": 1,
        "currencies holds something else than tickers": 1,
        "id is neither a short text nor a whole number": 1,
        "longer than 1 MB": 1,
    }


def test_the_same_archive_again_adds_nothing(store, write):
    path = write(entry(), entry(), entry(id=None), entry(id=None), entry(id=7))
    assert (import_archive(store, path).added, len(store.articles())) == (3, 3)
    again = import_archive(store, path)
    assert (again.added, again.duplicates) == (0, 5)


def test_text_is_cleaned_and_tickers_are_upper_case(store, write):
    hostile = entry(title="Up\u202e \x00now\n", currencies=["btc", " eth ", "BTC", "a b", {"code": "sol"}], text=None)
    import_archive(store, write(hostile))
    article = store.articles()[0]
    assert (article.title, article.assets) == ("Up now", ("BTC", "ETH", "SOL"))


@pytest.mark.parametrize("field", ["votes", "sentiment_label", "likes", "likeCount", "return_1h", "price_change_24h"])
def test_what_was_known_only_afterwards_is_refused_and_nothing_is_stored(store, write, field):
    path = write(entry(), entry(id="a2"), entry(id="a3", **{field: 1}))
    with pytest.raises(NewsDataError, match=f"line 3 has the field '{field}', .*--ignore-fields {field}"):
        import_archive(store, path)
    assert store.articles() == ()


def test_fields_known_afterwards_may_be_passed_over_and_are_not_stored(store, write, tmp_path):
    path = write(entry(votes={"positive": 987654}, sentiment_label="bullish-987654"))
    assert import_archive(store, path, ignore_fields=["votes", "sentiment_label"]).added == 1
    store.close()
    assert all(b"987654" not in file.read_bytes() for file in tmp_path.glob("news.sqlite*"))


def test_harmless_fields_are_not_taken_for_what_was_known_afterwards():
    harmless = [
        "id",
        "published_at",
        "title",
        "text",
        "currencies",
        "url",
        "is_retweet",
        "source",
        "author",
        "language",
    ]
    assert known_afterwards(harmless) == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [(gzip.compress(b"x" * 5_000, mtime=0)[:-12], "damaged gzip"), (None, "cannot be read")],
    ids=["cut off", "not there"],
)
def test_a_file_that_cannot_be_read_is_an_error_that_names_it(store, tmp_path, content, message):
    path = tmp_path / "archive.jsonl.gz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NewsDataError, match=rf"archive\.jsonl\.gz: .*{message}"):
        import_archive(store, path)


@pytest.mark.parametrize("latency_s", [-1.0, float("nan"), float("inf")])
def test_a_latency_that_is_none_is_refused(store, write, latency_s):
    with pytest.raises(NewsDataError, match="news cannot be known before they are published"):
        import_archive(store, write(entry()), latency_s=latency_s)


def test_progress_is_told(store, write):
    told = []
    import_archive(
        store, write(*(entry(id=str(number)) for number in range(10))), progress=lambda *done: told.append(done)
    )
    assert told[-1] == (10, 10)


def test_an_empty_archive_is_no_error(store, write):
    report = import_archive(store, write(b""))
    assert (report.lines, report.added, report.first_s) == (0, 0, None)
