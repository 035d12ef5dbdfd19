"""What a FreqAI model learns: ours say so, of others it is read off the class."""

from typing import Any

from freqai_ext.models._backends import Task


def model_task(model: Any) -> Task:
    """Return whether a FreqAI model (class or instance) learns numbers or classes."""
    declared: Task | None = getattr(model, "task", None)
    if declared in ("regression", "classification"):
        return declared
    return "classification" if _is_called(model, "Classifier") else "regression"


def takes_several_targets(model: Any) -> bool:
    """Return whether a FreqAI model (class or instance) learns several targets at once."""
    return bool(getattr(model, "multi_target", _is_called(model, "MultiTarget")))


def _is_called(model: Any, word: str) -> bool:
    # The bases count too: a user's own subclass may be called anything.
    own: type = model if isinstance(model, type) else type(model)
    return any(word in base.__name__ for base in own.__mro__)
