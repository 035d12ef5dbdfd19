"""Who gets in, and by which paths: contract, sections 1 and 2. Nothing is changed."""

from freqai_ext.guardian.check.finding import Checklist
from freqai_ext.guardian.check.probe import Probe, Reply

_WRONG = "freqai-ext-check-no-token"
_UNLOCKED = "its .runtime/settings.json has no freqai_api_token, or is not valid JSON; repair that file"


def check_access(probe: Probe, checklist: Checklist) -> None:
    """Try what needs the token and what does not."""
    entered = probe.get("/health")
    alone = probe.get("/health", headers={})
    checklist.expect("2", "GET /health answers 200 to who may ask", entered.status == 200, _with_remedy(entered, probe))
    if probe.token is not None:
        checklist.expect(
            "2",
            "without the token nobody gets in (200 means an open bridge)",
            alone.status == 401,
            f"{alone}; {_UNLOCKED}" if alone.status == 200 else alone,
        )
    if entered.status == 200 and alone.status == 401 and probe.token is not None:
        _check_token(probe, probe.token.get_secret_value(), alone, checklist)
    else:
        checklist.skip("2", "both headers, their precedence, 401 and 403", "needs a bridge with a token, and the token")
    _check_paths(probe, checklist)


def _check_token(probe: Probe, token: str, alone: Reply, checklist: Checklist) -> None:
    def expect(what: str, reply: Reply, status: int, detail: str | None = None) -> None:
        holds = reply.status == status and detail in (None, reply.detail)
        checklist.expect("2", what, holds, reply)

    right, wrong = {"X-API-Token": token}, {"X-API-Token": _WRONG}
    bearer = {"Authorization": f"Bearer {token}"}
    expect("no token: 401 missing_token", alone, 401, "missing_token")
    expect("a wrong token: 403 invalid_token", probe.get("/health", headers=wrong), 403, "invalid_token")
    expect("X-API-Token lets in", probe.get("/health", headers=right), 200)
    expect("Authorization: Bearer lets in", probe.get("/health", headers=bearer), 200)
    spaced = {"Authorization": f"bEARER   {token}"}
    expect("the scheme in any case, with spaces before the token", probe.get("/health", headers=spaced), 200)
    expect("a wrong X-API-Token loses beside a right Bearer", probe.get("/health", headers=wrong | bearer), 403)
    blank = {"X-API-Token": ""} | bearer
    expect("a blank X-API-Token leaves it to the Bearer", probe.get("/health", headers=blank), 200)
    expect("other schemes are none", probe.get("/health", headers={"Authorization": "Basic Og=="}), 401)
    expect("GET /features wants the token", probe.get("/features", headers={}), 401)
    expect("GET /predictions wants the token", probe.get("/predictions", headers={}), 401)
    # A list: were the token not wanted, it would be refused all the same, and nothing stored.
    expect("POST /predictions wants the token", probe.post(b"[]", headers={}), 401)
    expect("faults of a body are reported before the token is looked at", probe.post(b"{", headers={}), 422)


def _check_paths(probe: Probe, checklist: Checklist) -> None:
    def expect(what: str, reply: Reply, status: int) -> None:
        checklist.expect("1", what, reply.status == status, reply)

    expect("a trailing slash: 307", probe.get("/health/"), 307)
    expect("another method: 405", probe.send("PUT", "/health"), 405)
    expect("an unknown path: 404", probe.get("/freqai-ext-check"), 404)
    expect("/openapi.json for anyone", probe.get("/openapi.json", headers={}), 200)


def _with_remedy(reply: Reply, probe: Probe) -> str:
    if reply.status in (401, 403):
        return f"{reply}; name the token with --token-file" if probe.token is None else f"{reply}; it is another token"
    if reply.status == 503:
        return f"{reply}; a value in its .runtime/settings.json is out of range; correct it there"
    return str(reply)
