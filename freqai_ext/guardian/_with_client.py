"""A job together with the connection that it uses."""

from freqai_ext._services.worker import Job
from freqai_ext.guardian.client import GuardianClient


class WithClient:
    """Runs a job, and closes its client when the job is closed."""

    def __init__(self, job: Job, client: GuardianClient) -> None:
        self._job, self._client = job, client

    async def run(self, now_s: float) -> float:
        return await self._job.run(now_s)

    async def close(self) -> None:
        try:
            await self._job.close()
        finally:
            await self._client.aclose()
