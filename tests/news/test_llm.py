import asyncio
import json
import logging
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from freqai_ext.errors import NewsBudgetError, NewsUnavailableError, SettingsError
from freqai_ext.news._llm_endpoint import whole_base
from freqai_ext.news.llm import Level, LlmClient, LlmUnavailableError
from freqai_ext.news.prompt import JudgeContext, build_prompt
from freqai_ext.news.search import NewsItem
from freqai_ext.news.settings import LlmEndpointSettings, LlmSettings
from tests.services.timing import HANG_S

KEY = "sk-secret-1234567890"
GOOD = {"impact_score": 0.7, "sentiment": "positive", "confidence": 0.6, "reasoning": "An approval."}
NEWS = "The regulator said yes to the fund."
PROMPT = build_prompt(JudgeContext("BTC", "Bitcoin", 1_740_830_400.0, items=(NewsItem("ETF", "", NEWS, None),)))


def completion(content, finish="stop", tokens=123, **message):
    choice = {"index": 0, "message": {"role": "assistant", "content": content} | message, "finish_reason": finish}
    return 200, {"model": "served-model", "choices": [choice], "usage": {"total_tokens": tokens}}


GOOD_ANSWER = completion(json.dumps(GOOD))


def error(status, message="no", **more):
    return status, {"error": {"message": message} | more}


class Model:
    """A loopback endpoint that answers what it is told to, and keeps what it was asked."""

    def __init__(self):
        self.answers, self.requests = [], []
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer(None)

            def do_POST(self):
                self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def answer(self, body):
                model.requests.append((self.path, dict(self.headers), body))
                answer = model.answers[min(len(model.requests), len(model.answers)) - 1]
                status, payload, headers = (*answer, {})[:3]
                if isinstance(payload, threading.Event):
                    payload.wait(10)
                    return
                content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(content))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def then(self, *answers):
        self.answers, self.requests = list(answers), []
        return self

    @property
    def bodies(self):
        return [body for _, _, body in self.requests]

    @property
    def levels(self):
        return [body.get("response_format", {}).get("type", "none") for body in self.bodies]

    def close(self):
        if not self.thread.is_alive():
            return
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def models():
    made = [Model(), Model()]
    yield made
    for model in made:
        model.close()


@pytest.fixture
def model(models):
    return models[0]


def endpoint(at, name="first", **more):
    return LlmEndpointSettings(**({"name": name, "model": "small", "api_base": at.url, "api_key": KEY} | more))


def settings(*endpoints, **more):
    return LlmSettings(endpoints=endpoints, **more)


def judge(client, prompt=PROMPT, **more):
    async def run():
        try:
            return await client.judge(prompt, **more)
        finally:
            await client.aclose()

    return asyncio.run(run())


def fails(client, **more):
    with pytest.raises(LlmUnavailableError) as caught:
        judge(client, **more)
    for shown in (str(caught.value), repr(caught.value)):
        assert KEY not in shown
        assert NEWS not in shown
    return caught.value


def outcomes(made):
    return [attempt.outcome for attempt in made.attempts]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("http://host:11434", "http://host:11434/v1"),
        ("http://host:11434/", "http://host:11434/v1"),
        ("http://host:4000/v1", "http://host:4000/v1"),
        ("http://host:4000/v1/", "http://host:4000/v1"),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"),
        ("https://host/v4", "https://host/v4"),
        ("https://host/openai", "https://host/openai"),
    ],
)
def test_v1_is_appended_only_where_the_address_has_no_path(written, meant):
    assert whole_base(written) == meant


def test_a_valid_answer_comes_with_all_about_how_it_came(model):
    model.then(GOOD_ANSWER)
    answer = judge(LlmClient(settings(endpoint(model, trained_until="2024-06-30"))))
    assert answer.judgement.model_dump() == GOOD
    assert (answer.model, answer.endpoint, answer.level) == ("served-model", "first", Level.JSON_SCHEMA)
    assert (answer.tokens, answer.prompt_sha256) == (123, PROMPT.sha256)
    assert answer.trained_until_s == 1_719_792_000.0
    assert outcomes(answer) == ["valid"]
    assert 0 < answer.latency_s < 5
    ((path, headers, body),) = model.requests
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("small", 0.0, 600)
    assert "max_completion_tokens" not in body
    assert "provider" not in body


def test_without_a_key_no_header_is_sent(model):
    model.then(GOOD_ANSWER)
    judge(LlmClient(settings(endpoint(model, api_key=None))))
    assert "Authorization" not in model.requests[0][1]


def test_reasoning_models_get_their_own_limit_and_no_temperature(model):
    model.then(GOOD_ANSWER)
    judge(LlmClient(settings(endpoint(model, reasoning=True), max_tokens=5_000)))
    assert model.bodies[0]["max_completion_tokens"] == 5_000
    assert not {"max_tokens", "temperature"} & set(model.bodies[0])


def test_open_router_is_told_not_to_drop_the_format(model):
    sent = []

    def answer(request):
        sent.append(json.loads(request.content))
        return httpx.Response(200, json=GOOD_ANSWER[1])

    at_open_router = endpoint(model, api_base="https://openrouter.ai/api/v1")
    judge(LlmClient(settings(at_open_router), transport=httpx.MockTransport(answer)))
    assert sent[0]["provider"] == {"require_parameters": True}


def test_a_level_that_is_refused_is_lowered_and_the_one_that_works_is_remembered(model):
    refused = error(400, "'response_format' is not supported by this model")
    model.then(refused, refused, GOOD_ANSWER)
    client = LlmClient(settings(endpoint(model)))
    answer = judge(client)
    assert model.levels == ["json_schema", "json_object", "none"]
    assert answer.level is Level.NONE
    assert outcomes(answer) == ["format_refused", "format_refused", "valid"]
    model.then(GOOD_ANSWER)
    judge(client)
    assert model.levels == ["none"]


def test_a_200_that_refuses_the_format_lowers_the_level_too(model):
    model.then(
        (200, {"error": {"code": 404, "message": "No endpoints found that support response_format"}}), GOOD_ANSWER
    )
    judge(LlmClient(settings(endpoint(model))))
    assert model.levels == ["json_schema", "json_object"]


def test_an_error_about_max_tokens_is_told_with_its_remedy_and_does_not_lower_the_level(model):
    model.then(error(400, "Unsupported parameter: 'max_tokens' is not supported with this model."))
    failure = fails(LlmClient(settings(endpoint(model))))
    assert "set freqai_ext.news.llm.endpoints.0.reasoning to true" in str(failure)
    assert len(model.requests) == 1


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (completion(json.dumps(GOOD | {"impact_score": 1.5})), "'impact_score' is not a number from 0 to 1"),
        (completion(json.dumps(GOOD).replace("0.7", "NaN")), "what stands in braces is not valid JSON"),
        (completion("I cannot say."), "there is no JSON object in it"),
        (completion(""), "it is empty"),
        (completion(None), "it is empty"),
        (completion(None, "tool_calls"), "it is empty"),
        (completion(json.dumps(GOOD), "length"), "it is too long and was cut off"),
    ],
)
def test_an_invalid_answer_is_asked_for_once_more_with_the_fault(model, bad, told):
    model.then(bad, GOOD_ANSWER)
    answer = judge(LlmClient(settings(endpoint(model))))
    assert answer.judgement.model_dump() == GOOD
    assert outcomes(answer) == ["invalid", "valid"]
    assert answer.tokens == 246
    first, second = (body["messages"][1]["content"] for body in model.bodies)
    assert second.startswith(first)
    assert f"Your last answer could not be used: {told}" in second


def test_two_invalid_answers_go_to_the_next_endpoint_at_once(models):
    one, other = models
    one.then(completion("no"))
    other.then(GOOD_ANSWER)
    answer = judge(LlmClient(settings(endpoint(one), endpoint(other, "second"))))
    assert answer.endpoint == "second"
    assert len(one.requests) == 2
    assert outcomes(answer) == ["invalid", "invalid", "valid"]


@pytest.mark.parametrize(
    "bad",
    [
        completion(None, refusal="I will not."),
        completion("{}", "content_filter"),
        (200, {"choices": []}),
        (200, {"choices": None}),
        (200, {"choices": ["x"]}),
        (200, []),
        (200, b"\xff\xfe{}"),
        (200, b"<html>login</html>"),
        (200, b'{"choices": [' + b"[" * 500 + b"]" * 500 + b"]}"),
        (200, b" " * 1_000_001),
        (200, json.dumps(GOOD_ANSWER[1]).encode(), {"Content-Encoding": "gzip"}),
        error(400, "bad request"),
        error(401, f"Incorrect API key provided: {KEY}"),
        error(402),
        error(403),
        error(404, "model not found"),
        error(422),
        error(501),
    ],
    ids=str,
)
def test_what_asking_again_does_not_mend_goes_to_the_next_endpoint_at_once(models, bad):
    one, other = models
    one.then(bad)
    other.then(GOOD_ANSWER)
    answer = judge(LlmClient(settings(endpoint(one), endpoint(other, "second"))))
    assert answer.endpoint == "second"
    assert len(one.requests) == 1


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_once_more_at_the_same_endpoint(model, status):
    model.then((*error(status), {"Retry-After": "0"}), GOOD_ANSWER)
    answer = judge(LlmClient(settings(endpoint(model))))
    assert outcomes(answer) == ["unavailable", "valid"]
    assert answer.attempts[0].status == status


@pytest.mark.parametrize(
    "bad",
    [
        (200, {"error": {"code": 502, "message": "upstream"}}),
        (200, {"error": "out of memory"}),
        (
            200,
            {"choices": [{"error": {"code": 429, "message": "slow down"}, "message": {"content": json.dumps(GOOD)}}]},
        ),
    ],
    ids=str,
)
def test_an_error_within_a_200_is_an_error(model, bad):
    model.then((*bad, {"Retry-After": "0"}), GOOD_ANSWER)
    assert outcomes(judge(LlmClient(settings(endpoint(model))))) == ["unavailable", "valid"]


def test_a_retry_after_that_does_not_fit_the_deadline_is_not_waited_for(models):
    one, other = models
    one.then((*error(429), {"Retry-After": "30"}))
    other.then(GOOD_ANSWER)
    answer = judge(LlmClient(settings(endpoint(one), endpoint(other, "second"), deadline_s=20.0)))
    assert len(one.requests) == 1
    assert answer.latency_s < 5


def test_a_retry_after_that_fits_is_waited_for(model):
    model.then((*error(503), {"Retry-After": "0.4"}), GOOD_ANSWER)
    assert judge(LlmClient(settings(endpoint(model)))).latency_s >= 0.4


def test_an_endpoint_that_hangs_gets_its_own_time_and_is_not_asked_again(models):
    one, other = models
    release = threading.Event()
    one.then((200, release))
    other.then(GOOD_ANSWER)
    try:
        answer = judge(LlmClient(settings(endpoint(one, timeout_s=0.6), endpoint(other, "second"))))
    finally:
        release.set()
    assert outcomes(answer) == ["timeout", "valid"]
    assert 0.6 <= answer.latency_s < HANG_S


def test_one_deadline_holds_for_all_endpoints(models):
    release = threading.Event()
    for model in models:
        model.then((200, release))
    began_s = time.monotonic()
    try:
        failure = fails(LlmClient(settings(endpoint(models[0]), endpoint(models[1], "second"), deadline_s=0.8)))
    finally:
        release.set()
    assert time.monotonic() - began_s < HANG_S
    assert "second: not asked, no time was left" in str(failure)


def test_nobody_listens_is_tried_once_more_and_named(model):
    url = model.url
    model.close()
    failure = fails(LlmClient(settings(endpoint(model))))
    assert outcomes(failure) == ["unavailable", "unavailable"]
    assert f"first: POST {url}/v1/chat/completions: no connection" in str(failure)


def test_a_redirect_is_not_followed(models):
    one, other = models
    one.then((307, b"", {"Location": f"{other.url}/v1/chat/completions"}))
    other.then(GOOD_ANSWER)
    failure = fails(LlmClient(settings(endpoint(one))))
    assert other.requests == []
    assert failure.lasting


def test_a_failure_names_what_every_endpoint_said_and_what_it_cost(models):
    one, other = models
    one.then(error(404, "model 'small' not found"))
    other.then(completion("no", tokens=50))
    failure = fails(LlmClient(settings(endpoint(one), endpoint(other, "second"))))
    assert isinstance(failure, NewsUnavailableError)
    assert "first: POST" in str(failure)
    assert "model 'small' not found" in str(failure)
    assert "see whether freqai_ext.news.llm.endpoints.0.model is offered there" in str(failure)
    assert "second: POST" in str(failure)
    assert "there is no JSON object in it" in str(failure)
    assert failure.tokens == 100
    assert not failure.lasting


def test_a_refused_key_is_not_repeated_not_even_in_part(model):
    model.then(error(401, "Incorrect API key provided: sk-se*******7890."))
    failure = fails(LlmClient(settings(endpoint(model))))
    assert "sk-se" not in str(failure)
    assert "set freqai_ext.news.llm.endpoints.0.api_key" in str(failure)
    assert failure.lasting


def test_an_endpoint_that_failed_three_times_is_left_alone_for_a_minute(models, caplog):
    one, other = models
    now_s = [1_000.0]
    one.then(error(400, "bad"))
    other.then(GOOD_ANSWER)
    client = LlmClient(settings(endpoint(one), endpoint(other, "second")), clock=lambda: now_s[0])
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            judge(client)
    assert len(one.requests) == 3
    assert caplog.messages == ["first failed 3 times in a row; it is left alone for 60 s"]
    now_s[0] += 60.0
    judge(client)
    assert len(one.requests) == 4
    now_s[0] += 119.0
    judge(client)
    assert len(one.requests) == 4
    one.then(GOOD_ANSWER)
    now_s[0] += 1.0
    assert judge(client).endpoint == "first"


def test_with_every_endpoint_left_alone_nobody_is_asked(model):
    model.then(error(400, "bad"))
    client = LlmClient(settings(endpoint(model)), clock=lambda: 0.0)
    for _ in range(3):
        fails(client)
    failure = fails(client)
    assert "first: left alone for 60 s more" in str(failure)
    assert len(model.requests) == 3
    assert not failure.lasting


def test_an_endpoint_that_got_only_the_rest_of_the_time_is_not_blamed(models):
    one, other = models
    release = threading.Event()
    one.then((200, release))
    other.then((200, release))
    client = LlmClient(
        settings(endpoint(one, timeout_s=0.65), endpoint(other, "second", timeout_s=10.0), deadline_s=1.2),
        clock=lambda: 0.0,
    )
    try:
        for _ in range(3):
            fails(client)
    finally:
        release.set()
    one.then(error(400))
    other.then(GOOD_ANSWER)
    assert judge(client).endpoint == "second"
    assert one.requests == []


def test_a_budget_is_asked_before_every_request_and_ends_the_question(model):
    model.then(completion("no"))
    spent = []

    def spend():
        if spent:
            raise NewsBudgetError("spent")
        spent.append(1)

    with pytest.raises(NewsBudgetError):
        judge(LlmClient(settings(endpoint(model))), before_attempt=spend)
    assert len(model.requests) == 1


def test_a_question_that_is_cancelled_ends_at_once_and_blames_nobody(model):
    release = threading.Event()
    model.then((200, release))
    client = LlmClient(settings(endpoint(model)), clock=lambda: 0.0)

    async def cancelled():
        for _ in range(4):
            task = asyncio.create_task(client.judge(PROMPT))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await client.aclose()

    try:
        asyncio.run(cancelled())
    finally:
        release.set()
    model.then(GOOD_ANSWER)
    assert judge(client).endpoint == "first"


def test_two_questions_at_once_do_not_mix(model):
    model.then(GOOD_ANSWER)
    client = LlmClient(settings(endpoint(model)))
    other = build_prompt(JudgeContext("ETH", None, 1_740_830_400.0))

    async def both():
        answers = await asyncio.gather(client.judge(PROMPT), client.judge(other))
        await client.aclose()
        return answers

    first, second = asyncio.run(both())
    assert (first.prompt_sha256, second.prompt_sha256) == (PROMPT.sha256, other.sha256)
    assert len(first.attempts) == len(second.attempts) == 1


def test_nothing_secret_is_logged_or_shown(model, caplog):
    model.then(error(400, "response_format is not supported"), error(429, KEY + NEWS), completion("no"), GOOD_ANSWER)
    client = LlmClient(settings(endpoint(model)))
    with caplog.at_level(logging.DEBUG, "freqai_ext"):
        answer = judge(client)
    text = caplog.text + repr(client) + repr(answer)
    assert KEY not in text
    assert NEWS not in text
    assert "api_base=" in text


@pytest.mark.parametrize("usage", [None, {"total_tokens": -5}, {"total_tokens": "9"}, {"prompt_tokens": True}, []])
def test_tokens_that_make_no_sense_count_as_none(model, usage):
    model.then((200, GOOD_ANSWER[1] | {"usage": usage}))
    assert judge(LlmClient(settings(endpoint(model)))).tokens == 0


def test_tokens_are_added_up_where_there_is_no_total(model):
    model.then((200, GOOD_ANSWER[1] | {"usage": {"prompt_tokens": 7, "completion_tokens": 5}}))
    assert judge(LlmClient(settings(endpoint(model)))).tokens == 12


def test_a_probe_tells_whether_the_address_answers_and_lists_the_model(models):
    one, other = models
    one.then((200, {"object": "list", "data": [{"id": "small:latest"}, {"id": 5}, None]}))
    other.then(error(401))
    client = LlmClient(settings(endpoint(one), endpoint(other, "second"), endpoint(one, "third", model="large")))

    async def run():
        try:
            return await client.probe()
        finally:
            await client.aclose()

    first, second, third = asyncio.run(run())
    assert (first.fault, first.listed, first.models) == (None, True, ("small:latest",))
    assert "answered 401" in second.fault
    assert third.listed is False
    assert one.requests[0][0] == "/v1/models"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"api_key": "sk-ünique"}, r"^freqai_ext\.news\.llm\.endpoints\.0\.api_key: the value \(hidden\) has spaces"),
        ({"api_key": "sk-a\nb"}, r"api_key: the value \(hidden\)"),
        ({"trained_until": "2025-02-30"}, r"trained_until: '2025-02-30' is no day of the calendar; write it as YYYY-"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(model, change, message):
    with pytest.raises(SettingsError, match=message) as caught:
        LlmClient(settings(endpoint(model, **change)))
    assert "sk-" not in str(caught.value)


def test_without_an_endpoint_there_is_no_client():
    with pytest.raises(SettingsError, match=r"^freqai_ext\.news\.llm\.endpoints: empty, so that nobody can judge"):
        LlmClient(LlmSettings())
