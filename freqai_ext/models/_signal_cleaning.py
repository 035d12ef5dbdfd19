"""Class names of labels, and features on their way through FreqAI's pipeline."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from freqtrade.exceptions import OperationalException

from freqai_ext.models._signal_rows import PairRows
from freqai_ext.pipeline import QuietPipeline


def holds_names(rows: Sequence[PairRows], label: str) -> bool:
    """Return whether a label holds class names."""
    return any(pd.api.types.is_string_dtype(each.labels[label].dtype) for each in rows)


def classes_of(rows: Sequence[PairRows], label: str) -> tuple[str, ...]:
    """Return the class names of a label, sorted."""
    seen = {str(name) for each in rows for name in each.labels[label].dropna().unique()}
    return tuple(sorted(seen))


def clean(rows: Sequence[PairRows], pipeline: QuietPipeline) -> tuple[list[PairRows], pd.DataFrame]:
    """Fit the pipeline to the rows that are trained on; return all rows, those that it removed without weight."""
    weight = np.concatenate([each.weight for each in rows])
    features = pd.concat([each.features for each in rows], ignore_index=True)
    number = np.flatnonzero(weight > 0.0).astype(float)
    if not len(number):
        raise OperationalException("no row of the training window has whole features, a known label and a weight")
    chosen = number.astype(int)
    # The row numbers go as labels, which no step reads: weights would be taken for weights.
    kept_features, kept, _ = pipeline.fit_transform(
        features.iloc[chosen].reset_index(drop=True), pd.DataFrame({"row": number}), weight[chosen]
    )
    left = kept["row"].to_numpy().astype(int)
    cleaned = kept_features
    if len(left) < len(features):
        cleaned, _, _ = pipeline.transform(features, outlier_check=True)
        # Noise is for the rows that are learnt from, and `transform` adds none.
        values = cleaned.to_numpy(copy=True)
        values[left] = kept_features.to_numpy()
        cleaned = pd.DataFrame(values, columns=cleaned.columns)
    trained_on = np.zeros(len(features), dtype=bool)
    trained_on[left] = True
    weight = np.where(trained_on, weight, 0.0)
    parts = np.split(weight, np.cumsum([len(each.weight) for each in rows])[:-1])
    return [replace(each, weight=part) for each, part in zip(rows, parts, strict=True)], cleaned
