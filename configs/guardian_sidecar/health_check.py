"""Whether Guardian accepted a push lately; for the health check of the container, by the sidecar's own metrics."""

import argparse
import http.client
import sys

_AGE = "freqai_ext_guardian_last_push_age_seconds"
_TIMEOUT_S = 5.0


def push_age_s(port: int) -> float:
    """Return the seconds since Guardian last accepted a push; NaN where it has not yet.

    Raises
    ------
    OSError, http.client.HTTPException
        If no metrics answer on the loopback ``port``.
    ValueError
        If they say nothing of pushes.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        page = connection.getresponse().read().decode()
    finally:
        connection.close()
    for line in page.splitlines():
        name, _, value = line.partition(" ")
        if name == _AGE:
            return float(value)
    raise ValueError(f"no {_AGE} among the metrics on port {port}")


def main() -> str | None:
    """Return why the sidecar is not healthy; ``None`` where it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="freqai_ext.guardian.metrics_port")
    parser.add_argument("--max-age-s", type=float, required=True, help="oldest that the last accepted push may be")
    options = parser.parse_args()
    try:
        age_s = push_age_s(options.port)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"the sidecar's metrics cannot be read: {error}"
    if age_s <= options.max_age_s:
        return None
    if age_s != age_s:
        return "Guardian has accepted no push yet"
    return f"Guardian accepted the last push {age_s:.0f} s ago; {options.max_age_s:g} s are allowed"


if __name__ == "__main__":
    sys.exit(main())
