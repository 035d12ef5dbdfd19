"""A datasieve pipeline that FreqAI can ask for a step it does not have."""

from typing import Any

from datasieve.pipeline import Pipeline


class QuietPipeline(Pipeline):
    """Datasieve's pipeline, without a warning in the log for an absent step.

    FreqAI asks ``pipeline["di"]`` at each prediction whether or not there is such a step.

    Parameters
    ----------
    steps
        Pairs of name and step.
    """

    def __init__(self, steps: list[tuple[str, Any]]) -> None:
        # Datasieve writes into its default arguments, which all pipelines share.
        super().__init__(list(steps), {})

    def __getitem__(self, name: str) -> Any:
        """Return the step of that name, or ``None``."""
        return dict(self.steps).get(name)
