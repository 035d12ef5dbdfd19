"""The perceptron: what NumPy says is what torch trained, and torch is left as it was."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from freqai_ext.errors import SettingsError  # noqa: E402
from freqai_ext.learning.design import Design, Examples  # noqa: E402
from freqai_ext.learning.learner import Head  # noqa: E402
from freqai_ext.learning.learners import learner  # noqa: E402

HEAD = Head("distribution", (0.2, 0.8))
SMALL = {"hidden": 8, "epochs": 6, "batch_size": 32, "learning_rate": 0.01}


def make_examples(rows=300, seed=0):
    generator = np.random.default_rng(seed)
    matrix = generator.normal(size=(rows, 5)).astype(np.float32)
    matrix[:, 4] = np.arange(rows) % 3
    design = Design(matrix, tuple("abcde"), np.zeros(rows, dtype=np.intp), (4,))
    label = matrix[:, 0] + 0.5 * generator.normal(size=rows)
    return Examples(design, np.arange(rows), label, np.ones(rows))


def test_predictions_have_the_loss_that_the_curve_says():
    train, test = make_examples(), make_examples(seed=1)
    fitted = learner("torch", SMALL).fit(HEAD, train, test)
    said = (fitted.predict(test.design, test.rows) - fitted.labels.offset) / fitted.labels.scale
    truth = (test.label - fitted.labels.offset) / fitted.labels.scale
    loss = 0.5 * np.mean((truth - said[:, 0]) ** 2)
    for column, level in ((1, 0.2), (2, 0.8)):
        miss = truth - said[:, column]
        loss += np.mean(np.maximum(level * miss, (level - 1) * miss)) / 2
    assert loss == pytest.approx(fitted.curves[0].min(), rel=1e-5)


def test_fewer_epochs_are_the_beginning_of_more():
    train, test = make_examples(), make_examples(seed=1)
    short, long = (learner("torch", SMALL).fit(HEAD, train, test, rounds=(epochs,)) for epochs in (3, 6))
    np.testing.assert_array_equal(short.curves[0], long.curves[0][:3])


def test_without_training_worth_the_name_it_says_what_holds_for_all_rows():
    train = make_examples()
    said = learner("torch", {**SMALL, "learning_rate": 1e-12}).fit(HEAD, train).predict(train.design, train.rows)
    np.testing.assert_allclose(said[:, 0], train.label.mean(), atol=1e-4)
    np.testing.assert_allclose(said[:, 1], np.quantile(train.label, 0.2), atol=0.05)


def test_torch_keeps_its_random_numbers_and_threads():
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    learner("torch", {**SMALL, "threads": 1}).fit(HEAD, make_examples())
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_other_seeds_give_other_networks():
    train = make_examples()
    said = [
        learner("torch", {**SMALL, "random_seed": seed}).fit(HEAD, train).predict(train.design, train.rows)
        for seed in (1, 2)
    ]
    assert np.abs(said[0] - said[1]).max() > 1e-3


def test_a_network_of_another_size_is_not_continued():
    train = make_examples()
    former = learner("torch", {**SMALL, "hidden": 4}).fit(HEAD, train)
    fresh, asked = (learner("torch", SMALL).fit(HEAD, train, former=each) for each in (None, former))
    np.testing.assert_array_equal(fresh.predict(train.design, train.rows), asked.predict(train.design, train.rows))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_an_error():
    with pytest.raises(SettingsError, match=r"freqai.model_training_parameters.device: 'cuda' is not there; .* 'auto'"):
        learner("torch", {**SMALL, "device": "cuda"}).fit(HEAD, make_examples())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("mixed_precision", [True, False])
def test_it_learns_on_a_gpu_what_it_learns_on_the_cpu(mixed_precision):
    train, test = make_examples(600), make_examples(seed=1)
    said = [
        learner("torch", {**SMALL, "epochs": 20, "device": device, "mixed_precision": mixed_precision})
        .fit(HEAD, train)
        .predict(test.design, test.rows)[:, 0]
        for device in ("cpu", "cuda")
    ]
    assert min(np.corrcoef(each, test.label)[0, 1] for each in said) > 0.7
    assert np.corrcoef(*said)[0, 1] > 0.9
