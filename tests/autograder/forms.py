"""The form of what a student's function returned: is it a tensor, of the right shape, a Dataset, or nothing at all?

A probe passes everything that it receives from a student's code through one of the functions below. A wrong form raises
`FormError`. It crosses the wire as a few names and numbers, and the judge writes the sentence, so a worker cannot put
its own text into it: with `sentence` the numbers are shown, with `in_words` nothing that a worker can choose freely.

`of` is the function that returned the value: "mse_loss", or "GaussianHead.sample".
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import fields

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
UNKNOWN = "the answer does not have the required form"
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


def sentence(detail: dict) -> str:
    """The sentence for the student. `detail` comes from a worker: whatever is not known in it is left out."""
    form, of, got, axes, shape, lengths = _read(detail)
    known = {name for each in exercises.load().values() for name in each.names}
    if of != DATASETS and not (of.partition(".")[0] in known and re.fullmatch(r"[\w.]{1,60}", of)):
        return UNKNOWN
    if form not in FORMS or not AXES.fullmatch(axes) or shape is None or lengths is None:
        return UNKNOWN
    if form == "parts" and shape and got in (TYPES["tuple"], TYPES["list"]):
        got = f"{got} of {_text(shape)}"
    if form == "number" and shape:
        got = f"{got} of {' x '.join(map(str, shape))} numbers"
    if form == "shape" and len(axes.split()) != len(lengths):
        return UNKNOWN
    hint = _hint(axes, lengths, shape) if form == "shape" else ""
    return FORMS[form].format(of=of, got=got, shape=_list(shape), wanted=_wanted(form, axes, lengths), hint=hint)


def _read(detail: dict) -> tuple:
    """Form, of, type, axes, shape and lengths; a shape that is none is None."""
    form, of, got, shape, wanted = (str(detail.get(key, "")) for key in ("form", "of", "got", "shape", "wanted"))
    axes, _, lengths = wanted.partition("=")
    return form, of, TYPES.get(got, OTHER), axes, _numbers(shape), _numbers(lengths)


def _numbers(text: str) -> tuple[int, ...] | None:
    return tuple(map(int, filter(None, text.split(",")))) if SHAPE.fullmatch(text) else None


def _list(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _wanted(form: str, axes: str, lengths: tuple[int, ...]) -> str:
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
    return f"[{axes.replace(' ', ', ')}]" + (f", here {_list(lengths)}" if lengths else "")


# --- hints -----------------------------------------------------------------------------------------------------------
ALONE = ": the right number, but in an array of one; return it without axes"
REDUCE = ": reduce every axis; a loss is the mean over the batch"
MISSING = ": the axis {} is missing"
KEEP = ": one number, but {} are axes to keep"
TRANSPOSED = ": transposed, or split along the wrong axis"
RESHAPE = ": the right number of values in the wrong shape (reshape)"
FIRST = ": the right number of values, but the first axis is not {}; check `dim` or `axis`"
REDUCED = ": {} was reduced instead of the last axis (axis=-1)"
LENGTH = ": that is not the length of {}; is it another axis?"
PAIRED = ": every row is paired with every row; `pick`, gather or an index for each row takes one of each"
SQUEEZE = ": an axis of length 1 too many (squeeze it)"
TOO_MANY = ": an axis too many{}; choose one entry of it, or reduce it"


def _hint(axes: str, wanted: tuple[int, ...], got: tuple[int, ...], reveal: bool = True) -> str:
    """What a wrong shape usually means."""
    if not wanted and not axes:
        if math.prod(got) == 1:
            return ALONE
        return REDUCE if got else ""
    names = axes.split()
    if len(got) > len(wanted):
        return _too_many(wanted, got, reveal)
    if len(got) < len(wanted):
        missing = [name for name, rest in zip(names, _without_each(wanted), strict=True) if got == rest]
        if missing:
            return MISSING.format(missing[0])
        if not got:
            return KEEP.format(" and ".join(names))
    if got == wanted[::-1] and len(got) > 1:
        return TRANSPOSED
    if math.prod(got) == math.prod(wanted):
        return RESHAPE if got[:1] == wanted[:1] else FIRST.format(names[0])
    if len(got) == len(wanted) > 1 and got[:-1] == wanted[1:]:
        return REDUCED.format(names[0])
    if len(got) == len(wanted) == 1:
        return LENGTH.format(names[0])
    return ""


def _hints(axes: str) -> list[str]:
    """Everything that `_hint` can say without `reveal`."""
    names = axes.split()
    if not names:
        return ["", ALONE, REDUCE]
    about_first = [text.format(names[0]) for text in (FIRST, REDUCED, LENGTH)]
    missing = [MISSING.format(name) for name in names]
    more = [PAIRED, SQUEEZE, TOO_MANY.format("")]
    return ["", *missing, KEEP.format(" and ".join(names)), TRANSPOSED, RESHAPE, *about_first, *more]


def _too_many(wanted: tuple[int, ...], got: tuple[int, ...], reveal: bool) -> str:
    if len(got) == len(wanted) + 1 and got[:1] == wanted[:1] and got[1:2] == wanted[:1] != (1,):
        return PAIRED
    if got in ((*wanted, 1), (1, *wanted)) and wanted[:1] != (1,):
        return SQUEEZE
    for length, rest in zip(got, _without_each(got), strict=True):
        if rest == wanted:
            return TOO_MANY.format(f", of length {length}" if reveal else "")
    return ""


def _without_each(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The shape without its first axis, without its second axis, and so on."""
    return [shape[:axis] + shape[axis + 1 :] for axis in range(len(shape))]


def _text(shape) -> str:
    return ",".join(str(int(size)) for size in shape)


# --- in words only ---------------------------------------------------------------------------------------------------
METHODS = ("forward", "loss", "sample", "mode", "ancestral", "deterministic", "_integrate", "doubt", "__call__")
PARTS = ("mean, log_std", "logits, means, log_stds")
SHAPES = ("", "N", "T N", "horizons", "B A", "B K", "B K A", "B A K")
WANTED = {"tensor": SHAPES, "array": SHAPES, "shape": SHAPES, "parts": PARTS} | {
    "field": tuple(field.name for field in fields(Dataset))
}
"""What the checks ask for, by form."""
ELSEWHERE = "a value that another function of the homework gets or returns"


def in_words(detail: dict, names: Iterable[str]) -> str:
    """The sentence for a check of the functions and classes `names`, which is one of `all_in_words(names)`."""
    form, of, got, axes, shape, lengths = _read(detail)
    if form not in FORMS or shape is None or lengths is None:
        return UNKNOWN
    of = of if of in _places(names) else ELSEWHERE
    axes = axes if form in WANTED else ""
    if axes not in WANTED.get(form, ("",)) or (form == "shape" and len(axes.split()) != len(lengths)):
        return UNKNOWN
    hint = _hint(axes, lengths, shape, reveal=False) if form == "shape" else ""
    return _in_words(form, of, got, axes, hint)


def all_in_words(names: Iterable[str]) -> Iterator[str]:
    """Everything that `in_words` can say about a check of these functions and classes."""
    yield UNKNOWN
    for form, text in FORMS.items():
        for of in (*_places(names), ELSEWHERE):
            for axes in WANTED.get(form, ("",)):
                for got in {*TYPES.values(), OTHER} if "{got}" in text else ("",):
                    yield from (
                        _in_words(form, of, got, axes, hint) for hint in (_hints(axes) if form == "shape" else ("",))
                    )


def _in_words(form: str, of: str, got: str, axes: str, hint: str) -> str:
    text = FORMS[form].replace("has the shape {shape}", "has another")
    return text.format(of=of, got=got, wanted=_wanted(form, axes, ()), hint=hint)


def _places(names: Iterable[str]) -> list[str]:
    """What of these functions and classes the checks look at: "mse_loss", "GaussianHead.forward.mean"."""
    found = [DATASETS, *names]
    for name in names:
        if name[0].isupper():
            found += [f"{name}.{method}" for method in METHODS]
            found += [f"{name}.forward.{part}" for parts in PARTS for part in parts.split(", ")]
    return found
