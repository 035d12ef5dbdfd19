"""The rules of :func:`~freqai_ext.checks.check_freqai_model`, in the order in which they are best run.

A rule is called with a model class and, optionally, settings; it raises :class:`~freqai_ext.errors.ContractError`
with the rule's name and what was seen.
"""

from freqai_ext.checks._learning_rules import (
    continues_learning,
    honours_sample_weights,
    ignores_rows_of_no_weight,
    is_deterministic,
    learns_a_strong_signal,
    learns_every_target,
    never_trains_on_unknown_labels,
    refuses_several_targets,
    trains_on_one_thread,
)
from freqai_ext.checks._prediction_rules import (
    keeps_probabilities_in_bounds,
    orders_its_intervals,
    predicts_one_row_as_it_does_many,
    predicts_parts_as_the_whole,
    predicts_the_same_after_reloading,
    predicts_without_the_future,
)
from freqai_ext.checks._robustness_rules import (
    flags_far_outliers,
    learns_through_noise,
    leaves_out_infinite_labels,
    names_a_wrong_parameter,
    survives_a_constant_label,
    survives_a_tiny_window,
    survives_constant_features,
    survives_missing_features,
    takes_any_feature_name,
    trains_without_a_test_set,
)
from freqai_ext.checks._rule import Rule

RULES: tuple[Rule, ...] = (
    learns_a_strong_signal,
    is_deterministic,
    predicts_without_the_future,
    predicts_one_row_as_it_does_many,
    predicts_parts_as_the_whole,
    never_trains_on_unknown_labels,
    honours_sample_weights,
    ignores_rows_of_no_weight,
    leaves_out_infinite_labels,
    takes_any_feature_name,
    survives_missing_features,
    survives_constant_features,
    flags_far_outliers,
    learns_through_noise,
    survives_a_constant_label,
    survives_a_tiny_window,
    trains_without_a_test_set,
    orders_its_intervals,
    keeps_probabilities_in_bounds,
    predicts_the_same_after_reloading,
    continues_learning,
    refuses_several_targets,
    learns_every_target,
    names_a_wrong_parameter,
    trains_on_one_thread,
)
