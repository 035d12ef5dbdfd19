"""Hyper-parameter search inside a training, by the settings of ``freqai_ext.tuning``."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from freqai_ext.learning.cross_fit import Folds
from freqai_ext.learning.design import Examples
from freqai_ext.learning.learner import Head, Learner
from freqai_ext.tuning import TuningSettings, search_space, tune

MakeLearner = Callable[[Mapping[str, Any]], Learner]

#: Under this name the results stand in the model's metadata.
METADATA = "freqai_ext_tuning"


class Tuner:
    """Searches the parameters of one learner after another, each starting from what won in the window before.

    Parameters
    ----------
    settings
        Of the search.
    given
        The user's own training parameters; they belong to what the trials depend on.
    """

    def __init__(self, settings: TuningSettings, given: Mapping[str, Any]) -> None:
        self._settings = settings
        self._identity = json.dumps(given, sort_keys=True, default=str)
        self._winners: dict[str, Mapping[str, Any]] = {}

    @property
    def enabled(self) -> bool:
        """Whether anything is searched."""
        return self._settings.enabled

    def parameters(
        self,
        make_learner: MakeLearner,
        head: Head,
        examples: Examples,
        folds: Folds,
        *,
        subject: str,
        folder: Path,
        metadata: dict[str, Any],
    ) -> Mapping[str, Any]:
        """Return the parameters that serve the folds best, or none where nothing is searched or found.

        Parameters
        ----------
        make_learner
            Gives the learner with some parameters set over the user's own.
        subject
            What is learnt, e.g. pair and target: searches of one subject start from each other's winners.
        folder
            Of the model; the journal of the trials is kept there.
        metadata
            Of the model, as FreqAI saves it; the result is added.
        """
        if not self.enabled:
            return {}
        space = search_space(make_learner({}).name, self._settings.space)
        folder.mkdir(parents=True, exist_ok=True)
        result = tune(
            make_learner,
            space,
            head,
            examples,
            folds,
            self._settings,
            journal=folder / f"tuning_{re.sub(r'[^0-9A-Za-z]+', '_', subject)}.journal",
            warm_start=self._winners.get(subject),
            identity=self._identity,
        )
        if result.best_parameters:
            self._winners[subject] = result.best_parameters
        metadata.setdefault(METADATA, {})[subject] = result.state()
        return result.parameters
