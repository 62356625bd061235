"""Wrong types and shapes: what the student is told, and that a worker cannot put its own text into it."""

import re
from collections import namedtuple

import numpy as np
import pytest
import torch

from hw1 import exercises
from tests.autograder import forms

Round = namedtuple("Round", "dataset policy")
NAMES = tuple(name for exercise in exercises.load().values() for name in exercise.names)


@pytest.mark.parametrize(
    ("check", "value", "says"),
    [
        (lambda x: forms.loss(x, "mse_loss"), 1.0, r"must stay a differentiable tensor: no .item\(\).*a Python number"),
        (lambda x: forms.loss(x, "mse_loss"), np.float32(1), "no .numpy.*a NumPy number"),
        (lambda x: forms.loss(x, "mse_loss"), None, "mse_loss returns nothing .*return"),
        (lambda x: forms.loss(x, "mse_loss"), torch.zeros(6), r"shape \[6\].*the mean over the batch"),
        (lambda x: forms.loss(x, "mse_loss"), torch.zeros(1, 1), "the right number, but in an array of one"),
        (lambda x: forms.trained(x, "mse_loss"), torch.zeros(()), "without a gradient.*no .detach"),
        (lambda x: forms.tensor(x, "GaussianHead.mode", "B A", 6, 3), (1, 2), r"tensor of shape \[B, A\].*a tuple"),
        (
            lambda x: forms.tensor(x, "MixtureHead.sample", "B A", 6, 3),
            torch.zeros(6, 6, 3),
            r"\[B, A\], here \[6, 3\].*\[6, 6, 3\]: every row is paired with every row",
        ),
        (lambda x: forms.tensor(x, "GaussianHead.mode", "B A", 6, 3), torch.zeros(3, 6), "transposed"),
        (lambda x: forms.tensor(x, "GaussianHead.mode", "B A", 6, 3), torch.zeros(6, 3, 1), "length 1 too many"),
        (lambda x: forms.tensor(x, "GaussianHead.sample", "B A", 1, 3), torch.zeros(1, 5, 3), "too many, of length 5"),
        (
            lambda x: forms.tensor(x, "GaussianHead.mode", "B A", 6, 3),
            torch.zeros(3, 6),
            "or split along the wrong axis",
        ),
        (lambda x: forms.tensor(x, "GaussianHead.mode", "B A", 4, 3), torch.zeros(2, 6), "the first axis is not B"),
        (lambda x: forms.tensor(x, "GaussianHead.mode", "B A", 4, 3), torch.zeros(4), "the axis A is missing"),
        (lambda x: forms.tensor(x, "MixtureHead.forward", "B K A", 6, 4, 3), torch.zeros(6, 12), "reshape"),
        (
            lambda x: forms.parts(x, "MixtureHead.forward", "logits, means, log_stds"),
            (1, 2),
            r"3 values \(logits, means, log_stds\).*a tuple of 2",
        ),
        (lambda x: forms.number(x, "growth_exponent"), (2.0, 1.0), "one number; you return a tuple"),
        (lambda x: forms.array(x, "cost_by_horizon", "horizons", 3), np.zeros((3, 2)), r"\[3, 2\]"),
        (lambda x: forms.array(x, "cost_by_horizon", "horizons", 3), {}, "NumPy array.*a dictionary"),
        (lambda x: forms.array(x, "cost_by_horizon", "horizons", 3), np.zeros(9), "is it another axis"),
        (lambda x: forms.array(x, "UncertaintyGate.doubt", "N", 1), np.zeros(()), "the axis N is missing"),
        (lambda x: forms.array(x, "disagreement", "T N", 5, 4), np.zeros((4, 3)), "T was reduced instead of the last"),
        (lambda x: forms.array(x, "disagreement", "T N", 5, 4), np.zeros(()), "one number, but T and N are axes"),
        (lambda x: forms.dataset(x, "rollout_and_relabel"), (1, 2), "must return a Dataset; you return a tuple"),
        (lambda x: forms.rounds(x, "dagger"), len, "list of Rounds.*function|method"),
        (lambda x: forms.rounds(x, "dagger"), [1], "an element of your list is a Python number"),
    ],
)
def test_a_wrong_form_gets_a_sentence(check, value, says):
    with pytest.raises(forms.FormError, match=says) as raised:
        check(value)
    in_words = forms.in_words(raised.value.detail, NAMES)
    assert in_words in set(forms.all_in_words(NAMES)) - {forms.UNKNOWN}
    assert not re.search(r"\[\d", in_words)  # no sizes


def test_a_right_form_passes():
    assert forms.loss(torch.ones(()), "mse_loss") == 1
    assert forms.trained(2 * torch.ones((), requires_grad=True), "mse_loss") == 2
    assert forms.tensor(torch.zeros(6, 3), "GaussianHead.mode", "B A", 6, 3).shape == (6, 3)
    assert forms.parts([1, 2], "GaussianHead.forward", "mean, log_std") == (1, 2)
    for number in (2, 2.0, np.float32(2), np.array(2.0), torch.tensor(2.0)):
        assert forms.number(number, "growth_exponent") == 2.0
    for array in ([1.0, 2.0], np.ones(2), torch.ones(2, requires_grad=True)):
        assert forms.array(array, "cost_by_horizon", "horizons", 2).shape == (2,)
    assert forms.rounds((Round(1, 2),), "dagger") == [Round(1, 2)]


GOOD = {"form": "shape", "of": "mse_loss", "got": "Tensor", "shape": "6", "wanted": ""}


@pytest.mark.parametrize(
    "bad",
    [
        {"form": "secret"},
        {"form": ""},
        {"of": "LEAK"},
        {"of": "mse_loss.<script>"},
        {"shape": "3.14159"},
        {"shape": "6,x"},
        {"wanted": "{of.__class__}"},
        {"wanted": "B" * 1000},
        {"wanted": "B=LEAK"},
        {"form": 7, "of": None, "shape": ["6"]},
        {"wanted": "B A=6", "shape": "5"},
        {"wanted": "=6"},
    ],
)
def test_a_worker_cannot_put_its_own_text_into_the_sentence(bad):
    assert "must have the shape" in forms.sentence(GOOD)
    assert forms.sentence(GOOD | bad) == "the answer does not have the required form"


def test_an_unknown_type_is_not_named():
    assert "LEAK" not in forms.sentence({"form": "tensor", "of": "mse_loss", "got": "LEAK", "wanted": "B A"})


def test_in_words_there_is_nothing_that_a_worker_can_choose_freely():
    odd = {"of": "mse_loss.LEAK", "got": "LEAK", "shape": "77,88", "wanted": "LEAK"}
    assert forms.in_words(odd | {"form": "tensor"}, NAMES) == forms.UNKNOWN
    for form in forms.FORMS:
        text = forms.in_words(odd | {"form": form, "wanted": forms.WANTED.get(form, ["LEAK"])[0]}, NAMES)
        assert not re.search("LEAK|77|88", text)
        assert text in set(forms.all_in_words(NAMES))


def test_in_words_another_exercises_function_is_not_named():
    detail = {"form": "shape", "of": "gaussian_nll.mean", "shape": "6", "wanted": "B A=6,3"}
    assert forms.in_words(detail, ["GaussianHead"]).startswith("a value that another function of the homework gets")
