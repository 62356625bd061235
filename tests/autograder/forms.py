"""The form of what a student's function returned: is it a tensor, of the right shape, a Dataset, or nothing at all?

A probe passes everything that it receives from a student's code through one of the functions below. A wrong form raises
`FormError`. It crosses the wire as a few names and numbers, and the judge writes the sentence, so a worker cannot put
its own text into it.

`of` is the function that returned the value: "mse_loss", or "GaussianHead.sample".
"""

import math
import re
from dataclasses import dataclass, fields

import numpy as np
from torch import Tensor

from hw1 import exercises
from hw1.demos import Dataset

# What was returned, if it is not what it should be. Any other type is "an object of another type".
TYPES = {
    "NoneType": "nothing",
    "float": "a Python number",
    "int": "a Python number",
    "bool": "a Python bool",
    "float32": "a NumPy number",
    "float64": "a NumPy number",
    "int64": "a NumPy number",
    "bool_": "a NumPy bool",
    "ndarray": "a NumPy array",
    "Tensor": "a tensor",
    "Parameter": "a tensor",
    "tuple": "a tuple",
    "list": "a list",
    "dict": "a dictionary",
    "str": "a text",
    "function": "a function: is a call missing its parentheses?",
    "method": "a method: is a call missing its parentheses?",
    "builtin_function_or_method": "a method: is a call missing its parentheses?",
    "generator": "a generator",
    "Rollout": "a Rollout",
    "Dataset": "a Dataset",
    "Round": "a Round",
    "BetaGate": "a gate",
    "Normal": "a torch.distributions object: return a number of it, such as its log_prob",
    "Independent": "a torch.distributions object: return a number of it, such as its log_prob",
    "Categorical": "a torch.distributions object: return a number of it, such as its log_prob",
    "MixtureSameFamily": "a torch.distributions object: return a number of it, such as its log_prob",
}
OTHER = "an object of another type"

# What was asked for. `{of}`, `{got}`, `{shape}`, `{wanted}`: filled in by the judge.
FORMS = {
    "nothing": "{of} returns nothing (None): is a `return` missing?",
    "differentiable": "{of} must stay a differentiable tensor: no .item(), no float(), no .numpy(); you return {got}",
    "detached": (
        "{of} returns a tensor without a gradient, so nothing could be trained: no .detach(), no torch.no_grad(), no "
        "torch.tensor(...) around it, and no argmax or comparison in it"
    ),
    "tensor": "{of} must return a tensor {wanted}; you return {got}",
    "array": "{of} must return a NumPy array {wanted}; you return {got}",
    "number": "{of} must return one number; you return {got}",
    "parts": "{of} must return {wanted}; you return {got}",
    "dataset": "{of} must return a Dataset; you return {got}",
    "field": "the array {wanted} of the Dataset must be a NumPy array; yours is {got}",
    "rounds": "{of} must return a list of Rounds, one for each policy; you return {got}",
    "round": "{of} must return a list of Rounds, but an element of your list is {got}",
    "shape": "{of} must have the shape {wanted}; yours has the shape {shape}{hint}",
}
DATASETS = "an array of the Dataset"
KINDS = {"": "", "float": "floating numbers", "int": "integers", "bool": "bools"}


class FormError(Exception):
    """A value has a wrong form. `detail`: names and numbers for the judge."""

    def __init__(self, form: str, of: str, value: object, shape=(), wanted: str = ""):
        got = type(value).__name__
        form = "nothing" if value is None else form
        if isinstance(value, tuple | list):
            shape = (len(value),)
        self.detail = {"form": form, "of": of, "got": got, "shape": _text(shape), "wanted": wanted}
        super().__init__(sentence(self.detail))


# --- for probes ------------------------------------------------------------------------------------------------------
def loss(value, of: str) -> Tensor:
    """A loss: a scalar tensor that depends on the inputs by operations that PyTorch can differentiate."""
    if not isinstance(value, Tensor):
        raise FormError("differentiable", of, value)
    _shaped(value, of, "", ())
    return value


def trained(value, of: str) -> Tensor:
    """The same, of inputs that record gradients: so the loss must have one, too."""
    if loss(value, of).grad_fn is None:  # torch.tensor(..., requires_grad=True) has none either
        raise FormError("detached", of, value)
    return value


def tensor(value, of: str, axes: str, *shape: int) -> Tensor:
    """A tensor with these `axes`, such as "B A", whose lengths are `shape`."""
    if not isinstance(value, Tensor):
        raise FormError("tensor", of, value, wanted=axes)
    _shaped(value, of, axes, shape)
    return value


def array(value, of: str, axes: str, *shape: int) -> np.ndarray:
    """A NumPy array with these `axes`, such as "T N", whose lengths are `shape`. Lists of numbers and tensors, which
    NumPy reads as one, are good enough."""
    found = np.asarray(value.detach() if isinstance(value, Tensor) else value)
    if found.dtype.kind not in "fiub":
        raise FormError("array", of, value, wanted=axes)
    _shaped(found, of, axes, shape)
    return found


def number(value, of: str) -> float:
    """One number, as a Python number, a NumPy number or an array or tensor without axes."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number | np.ndarray | Tensor):
        raise FormError("number", of, value)
    if not isinstance(value, int | float):
        if value.ndim and math.prod(value.shape) != 1:
            raise FormError("number", of, value, shape=value.shape)
        _shaped(value, of, "", ())
    return float(value)


def parts(value, of: str, names: str) -> tuple:
    """A tuple (or list) with the parts in `names`, such as "mean, log_std"."""
    if not isinstance(value, tuple | list) or len(value) != len(names.split(", ")):
        raise FormError("parts", of, value, wanted=names)
    return tuple(value)


def dataset(value, of: str) -> Dataset:
    """A Dataset whose fields are NumPy arrays."""
    if not isinstance(value, Dataset):
        raise FormError("dataset", of, value)
    for field in fields(Dataset):
        if not isinstance(getattr(value, field.name), np.ndarray):
            raise FormError("field", DATASETS, getattr(value, field.name), wanted=field.name)
    return value


def rounds(value, of: str) -> list:
    """A list of Rounds of DAgger. A tuple of them is good enough."""
    if not isinstance(value, tuple | list):
        raise FormError("rounds", of, value)
    for each in value:
        if not (hasattr(each, "dataset") and hasattr(each, "policy")):
            raise FormError("round", of, each)
    return list(value)


def _shaped(value, of: str, axes: str, shape: tuple[int, ...]) -> None:
    if tuple(value.shape) != shape:
        raise FormError("shape", of, value, shape=value.shape, wanted=f"{axes}={_text(shape)}" if axes else "")


# --- for the judge ---------------------------------------------------------------------------------------------------
AXES = re.compile(r"[A-Za-z_0-9/ ,]{0,60}")
SHAPE = re.compile(r"(\d{1,9}(,\d{1,9}){0,5})?")


@dataclass(frozen=True)
class _Names:
    """The names that a sentence may contain."""

    known: frozenset[str]

    def __contains__(self, of: str) -> bool:
        return of in (DATASETS,) or of.partition(".")[0] in self.known


def sentence(detail: dict) -> str:
    """The sentence for the student. `detail` comes from a worker: whatever is not known in it is left out."""
    form, of, got = (str(detail.get(key, "")) for key in ("form", "of", "got"))
    names = _Names(frozenset(name for each in exercises.load().values() for name in each.names))
    if form not in FORMS or of not in names or not re.fullmatch(r"[\w.]{1,60}|" + DATASETS, of):
        return "the answer does not have the required form"
    shape, (axes, _, lengths) = str(detail.get("shape", "")), str(detail.get("wanted", "")).partition("=")
    if not (SHAPE.fullmatch(shape) and SHAPE.fullmatch(lengths) and AXES.fullmatch(axes)):
        return "the answer does not have the required form"
    got = TYPES.get(got, OTHER)
    if form == "parts" and shape and got in (TYPES["tuple"], TYPES["list"]):
        got = f"{got} of {shape}"
    if form == "number" and shape:
        got = f"{got} of {shape.replace(',', ' x ')} numbers"
    wanted = _wanted(form, axes, lengths)
    hint = _hint(axes, *(tuple(map(int, filter(None, each.split(",")))) for each in (lengths, shape)))
    return FORMS[form].format(of=of, got=got, shape=f"[{shape.replace(',', ', ')}]", wanted=wanted, hint=hint)


def _wanted(form: str, axes: str, lengths: str) -> str:
    if form == "parts":
        count = axes.count(",") + 1
        return f"{count} values ({axes})" if count > 1 else axes
    if form == "field":
        return axes
    if form == "array" and not lengths:
        return f"[{axes.replace(' ', ', ')}]" if axes else ""
    if form != "shape":
        return f"of shape [{axes.replace(' ', ', ')}]"
    if not axes:
        return "[] (one number)"
    return f"[{axes.replace(' ', ', ')}], here [{lengths.replace(',', ', ')}]"


def _hint(axes: str, wanted: tuple[int, ...], got: tuple[int, ...]) -> str:
    """What a wrong shape usually means."""
    if not wanted and not axes:
        if math.prod(got) == 1:
            return ": the right number, but in an array of one; return it without axes"
        return ": reduce every axis; a loss is the mean over the batch" if got else ""
    names = axes.split()
    if len(got) > len(wanted):
        return _too_many(wanted, got)
    if len(got) < len(wanted):
        missing = [name for name, rest in zip(names, _without_each(wanted), strict=True) if got == rest]
        if missing:
            return f": the axis {missing[0]} is missing"
        if not got:
            return f": one number, but {' and '.join(names)} are axes to keep"
    if got == wanted[::-1] and len(got) > 1:
        return ": transposed, or split along the wrong axis"
    if math.prod(got) == math.prod(wanted):
        if got[:1] == wanted[:1]:
            return ": the right number of values in the wrong shape (reshape)"
        return f": the right number of values, but the first axis is not {names[0]}; check `dim` or `axis`"
    if len(got) == len(wanted) > 1 and got[:-1] == wanted[1:]:
        return f": {names[0]} was reduced instead of the last axis (axis=-1)"
    if len(got) == len(wanted) == 1:
        return f": that is not the length of {names[0]}; is it another axis?"
    return ""


def _too_many(wanted: tuple[int, ...], got: tuple[int, ...]) -> str:
    if len(got) == len(wanted) + 1 and got[:1] == wanted[:1] and got[1:2] == wanted[:1] != (1,):
        return ": every row is paired with every row; `pick`, gather or an index for each row takes one of each"
    if got in ((*wanted, 1), (1, *wanted)) and wanted[:1] != (1,):
        return ": an axis of length 1 too many (squeeze it)"
    for length, rest in zip(got, _without_each(got), strict=True):
        if rest == wanted:
            return f": an axis too many, of length {length}; choose one entry of it, or reduce it"
    return ""


def _without_each(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The shape without its first axis, without its second axis, and so on."""
    return [shape[:axis] + shape[axis + 1 :] for axis in range(len(shape))]


def _text(shape) -> str:
    return ",".join(str(int(size)) for size in shape)
