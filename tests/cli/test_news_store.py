"""``freqai-ext news import``, ``score``, ``stats``, ``export`` and ``audit``."""

import json

import pytest
import typer
from typer.testing import CliRunner

from freqai_ext.cli import _news_import, _news_store
from freqai_ext.cli._news_score import score
from freqai_ext.errors import NewsDataError, SettingsError
from freqai_ext.news.store import NewsStore


@pytest.fixture
def run(tmp_path):
    app = typer.Typer()
    for name in ("stats", "export", "audit"):
        app.command(name)(getattr(_news_store, name))
    app.command("import")(_news_import.import_)
    app.command("score")(score)
    database = tmp_path / "news.sqlite"

    def run(command, *arguments):
        words = [command, *map(str, arguments), "--database", str(database)]
        return CliRunner().invoke(app, words, env={"COLUMNS": "200"})

    return run


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "archive.jsonl"
    hours = [(f"a{hour}", f"2025-02-01T{hour:02}:10:00Z", "SEC approves spot Bitcoin ETF") for hour in range(8)]
    entries = [{"id": id, "published_at": at, "title": title, "currencies": ["BTC"]} for id, at, title in hours]
    path.write_text("\n".join([*map(json.dumps, entries), "{broken"]))
    return path


def test_an_archive_goes_through_the_whole_circle(run, archive, tmp_path):
    first = run("import", archive)
    assert first.exit_code == 0, first.output
    assert "8 articles stored, 0 known before, of 9 records, seen 2025-02-01 00:20 to 2025-02-01 07:20" in first.output
    assert "1 left out: not JSON in UTF-8" in first.output
    assert "0 articles stored, 8 known before" in run("import", archive).output
    scored = run("score", "--assets", "btc", "--until", "2025-02-01T06:00")
    assert scored.exit_code == 0, scored.output
    assert "1 verdicts of lexicon-1 stored, 0 known before, 0 failed, of 5 moments with news; 4 had" in scored.output
    assert "0 verdicts of lexicon-1 stored, 1 known before" in run("score", "--until", "2025-02-01T06:00").output
    told = run("stats").output
    assert "8 articles, seen 2025-02-01 00:20 to 2025-02-01 07:20; 1 verdicts" in told
    assert "1 positive" in told
    assert "judges: 1 lexicon:lexicon-1:1" in told
    assert "100.0%" in told
    exported = run("export", "verdicts", "--asset", "btc", "--since", "2025-02-01T01:00:00+00:00")
    assert [json.loads(line)["sentiment"] for line in exported.output.splitlines()] == ["positive"]
    file = tmp_path / "articles.jsonl"
    assert run("export", "articles", "--output", file).exit_code == 0
    assert len(file.read_text().splitlines()) == 8
    assert run("export", "decisions").output == ""
    checked = run("audit")
    assert checked.exit_code == 0, checked.output
    assert "8 articles and 1 verdicts: 0 leaks, 1 doubts" in checked.output


def test_everything_is_told_as_json_too(run, archive):
    assert json.loads(run("import", archive, "--json").stdout)["added"] == 8
    assert json.loads(run("score", "--json").stdout)["added"] > 0
    assert json.loads(run("stats", "--json").output)["assets"][0]["asset"] == "BTC"
    report = json.loads(run("audit", "--json").output)
    assert (report["passed"], report["findings"][0]["rule"]) == (True, "duplicate-articles")


def test_audit_ends_with_1_where_there_is_a_leak(run, archive, tmp_path):
    run("import", archive)
    run("score")
    store = NewsStore(tmp_path / "news.sqlite")
    verdict = store.verdicts()[-1]
    store.add_verdict(type(verdict)(**{**vars(verdict), "id": "early", "available_at_s": 1_738_000_000.0}))
    store.close()
    result = run("audit")
    assert result.exit_code == 1
    assert "leak: verdict-before-seen: 1 of" in result.output
    assert "such as early" in result.output


def test_a_field_known_only_afterwards_is_refused_unless_it_is_named(run, tmp_path):
    path = tmp_path / "archive.jsonl"
    path.write_text(json.dumps({"published_at": "2025-02-01", "title": "t", "votes": 3, "likes": 1}))
    result = run("import", path)
    assert isinstance(result.exception, NewsDataError)
    assert "1 articles stored" in run("import", path, "--ignore-fields", "votes, likes").output


def test_a_store_that_is_not_there_is_an_error_that_says_how_to_fill_it(run):
    for command in (("stats",), ("audit",), ("export", "verdicts")):
        result = run(*command)
        assert isinstance(result.exception, NewsDataError)
        assert "news import" in str(result.exception)


def test_a_time_that_is_none_is_an_error(run, archive):
    run("import", archive)
    result = run("score", "--since", "yesterday")
    assert isinstance(result.exception, SettingsError)
    assert str(result.exception) == "--since: 'yesterday' is no time; write it like 2025-02-01 or 2025-02-01T12:00"
