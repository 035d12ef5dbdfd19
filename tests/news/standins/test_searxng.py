"""The stand-in of SearXNG against its contract."""

import pytest

from freqai_ext.news.standins import Fault


def search(client, services, **query):
    return client.get(f"{services.searxng_url}/search", params={"q": "BTC Bitcoin", "format": "json", **query})


def test_results_have_dates_and_some_have_none(services, client):
    results = search(client, services, time_range="day").json()["results"]
    dates = [one["publishedDate"] for one in results]
    assert dates[4] is None
    assert dates[0].endswith("+00:00")
    assert "+" not in dates[1]
    assert {"url", "title", "content", "engine", "category", "score"} < set(results[0])


def test_a_longer_time_and_the_next_page_give_other_results(services, client):
    day = search(client, services, time_range="day").json()["results"]
    week = search(client, services, time_range="week").json()["results"]
    assert len(week) >= len(day)
    second = search(client, services, time_range="week", pageno="2").json()["results"]
    assert {one["url"] for one in week}.isdisjoint(one["url"] for one in second)
    assert search(client, services, pageno="x").status_code == 200


@pytest.mark.parametrize("by_fault", [True, False])
def test_json_that_is_switched_off_is_403_and_html(services, client, by_fault):
    if by_fault:
        services.add_fault(Fault(kind="json_off"))
    else:
        services.change(searxng_json=False)
    answer = search(client, services)
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert search(client, services, format="html").status_code == 200


def test_without_a_query_nothing_is_searched(services, client):
    assert search(client, services, q="").status_code == 400
    assert search(client, services, q="", format="html").status_code == 400
