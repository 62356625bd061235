"""What to do about an exception: advice on messages of Python, NumPy and PyTorch that say it only to experts."""

import re

from tests.autograder import given

ADVICE = {
    r"bitwise_xor|for \^": "`^` is no power in Python; write `**`",
    r"only (one element tensors|length-1 arrays|0-dimensional arrays) can be converted": (
        "math.exp, float() and the like take one number; use the functions of torch or numpy"
    ),
    r"size of tensor a|could not be broadcast|shapes cannot be multiplied|Sizes of tensors|number of dimensions": (
        "the shapes do not fit; print them: an axis is missing (None adds one), too many, or reduced too early"
    ),
    r"Can't call numpy\(\) on Tensor": "stay in torch: after .detach() or .numpy() the answer has no gradient",
    r"does not require grad": "the loss has no gradient: no .detach(), no torch.no_grad()",
    r"truth value of an array|Boolean value of Tensor": (
        "`if`, `and`, `or` and `not` take one bool; for a whole array use its comparison itself, `&`, `|` and `~`"
    ),
    r"0-d tensor": "this is one number, not one for each row; is `dim=-1` missing?",
    r"only integer scalar arrays": (
        "one integer belongs here, not an array: loop over the array, or put arrays that are to be joined into a list"
    ),
    r"only integer tensors of a single element": "a tuple is used as a tensor; unpack it (`first, second = ...`)",
    r"not implemented for '(Long|Int|Bool)'": "this tensor holds no floating numbers; are two arguments swapped?",
    r"boolean index did not match": "a mask needs the shape of what it selects from; did you select before?",
    r"zero-size array": "the array is empty here; what does the text say about that case?",
    r"is out of bounds": "an index goes from 0 to the size - 1; is it off by one, or does it belong to another axis?",
    r"too many indices": "this has fewer axes than the index; is the batch axis missing, or are two arguments swapped?",
    r"cannot assign to field": "a Dataset cannot be changed; make a new one",
    r"no larger than self": (
        "gather picks along the axis `dim`; along all other axes, index and tensor must have the same length"
    ),
    r"GreaterThan\(lower_bound=0": (
        "a standard deviation is 0 or negative; log_std itself may be, but the standard deviation is its exponential"
    ),
    r"division by zero": "print the divisor; where it may be 0, what does the text want there?",
    r"math domain error": "the logarithm or the root of 0 or of a negative number",
    r"math range error|Numerical result out of range": "the result is too large for a float; stay in log space",
    r"unsupported operand type": "one of the two is no number or array; is it a function, a gate or a tuple?",
}
OF_EXERCISES = {
    "3.3": {
        r"division by zero": "eps may be 0: nobody ever slips then, so the cost is 0; a division by eps needs that"
        " case for itself"
    }
}
"""What the statement of an exercise says about an exception."""


def on(message: str, exercise: str) -> str:
    """The advice on an exception with this message, to be appended to it; empty if there is none."""
    name = re.search(r"name '(\w+)' is not defined", message)
    if line := given.import_of(name[1]) if name else "":
        return f": is the line `{line}` missing?"
    known = [*OF_EXERCISES.get(exercise, {}).items(), *ADVICE.items()]
    return next((f": {advice}" for pattern, advice in known if re.search(pattern, message)), "")
