import json

import pytest

from freqai_ext.news._structured_levels import (
    Level,
    LevelMemory,
    names_other_parameter,
    refuses_format,
    response_format,
)


def said(message):
    return json.dumps({"error": {"message": message}}).encode()


def test_levels_go_down_from_the_schema_to_nothing():
    assert [level.next for level in Level] == [Level.JSON_OBJECT, Level.NONE, None]


def test_the_strictest_level_sends_the_schema_and_the_last_one_nothing():
    schema = response_format(Level.JSON_SCHEMA)
    assert schema["type"] == "json_schema"
    assert schema["json_schema"]["name"] == "news_impact"
    assert schema["json_schema"]["strict"] is True
    assert response_format(Level.JSON_OBJECT) == {"type": "json_object"}
    assert response_format(Level.NONE) is None


@pytest.mark.parametrize("status", [400, 404, 422])
@pytest.mark.parametrize(
    "message",
    [
        "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
        "Unknown name json_schema",
        "This model does not do Structured Outputs",
        "litellm.UnsupportedParamsError: provider does not support parameters",
        "No endpoints found that support the requested parameters",
        "No endpoints found that can handle the requested parameters. To learn more about provider routing, see ...",
        "'temperature' and 'response_format' cannot go together",
    ],
)
def test_an_error_about_the_format_asks_for_the_level_below(status, message):
    assert refuses_format(status, said(message))


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens'."),
        (400, "Unsupported value: 'temperature' does not support 0 with this model."),
        (400, "context length exceeded"),
        (404, "model 'x' not found, try pulling it first"),
        (401, "response_format is not supported"),
        (500, "response_format is not supported"),
    ],
)
def test_an_error_about_something_else_does_not(status, message):
    assert not refuses_format(status, said(message))


def test_bytes_that_are_no_text_are_no_refusal_of_the_format():
    assert not refuses_format(400, b"\xff\xfe\x00")


def test_the_parameters_of_reasoning_models_are_recognised():
    assert names_other_parameter(said("use max_completion_tokens"))
    assert not names_other_parameter(said("bad request"))


def test_a_level_is_remembered_by_address_and_model():
    memory = LevelMemory()
    memory.works("http://a/v1", "m", Level.NONE)
    assert memory.first("http://a/v1", "m") is Level.NONE
    assert memory.first("http://a/v1", "other") is Level.JSON_SCHEMA
    assert memory.first("http://b/v1", "m") is Level.JSON_SCHEMA
