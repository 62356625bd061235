"""Formulas in words, for those who hear a page instead of seeing it: MathML -> text.

1/N sum_(t=1)^T c_t   ->   1 over N sum from t equals 1 to T of c sub t
"""

import unicodedata
from xml.etree.ElementTree import Element

SIGNS = {  # by their names in Unicode
    "MINUS SIGN": "minus",
    "PLUS SIGN": "plus",
    "EQUALS SIGN": "equals",
    "NOT EQUAL TO": "is not",
    "LESS-THAN OR EQUAL TO": "is at most",
    "GREATER-THAN OR EQUAL TO": "is at least",
    "LESS-THAN SIGN": "is less than",
    "GREATER-THAN SIGN": "is greater than",
    "MUCH LESS-THAN": "is much less than",
    "MUCH GREATER-THAN": "is much greater than",
    "ALMOST EQUAL TO": "is about",
    "TILDE OPERATOR": "is drawn from",
    "RIGHTWARDS ARROW": "tends to",
    "LEFTWARDS ARROW": "becomes",
    "VERTICAL LINE": "given",
    "UNION": "union",
    "CIRCLED DOT OPERATOR": "times",
    "DOT OPERATOR": "times",
    "MULTIPLICATION SIGN": "times",
    "DIVISION SLASH": "over",
    "SOLIDUS": "over",
    "N-ARY SUMMATION": "sum",
    "N-ARY PRODUCT": "product",
    "HORIZONTAL ELLIPSIS": "and so on",
    "PARTIAL DIFFERENTIAL": "partial d",
    "INFINITY": "infinity",
    "ASTERISK OPERATOR": "star",
    "ASTERISK": "star",
    "PRIME": "prime",
    "COLON": "to",
    "COMBINING CIRCUMFLEX ACCENT": "hat",
    "CIRCUMFLEX ACCENT": "hat",
    "COMBINING MACRON": "bar",
    "MACRON": "bar",
}
STYLE = "\N{VARIATION SELECTOR-1}"  # follows a script letter
FENCES = {"VERTICAL LINE": "absolute value of", "DOUBLE VERTICAL LINE": "norm of"}


def spoken(math: Element) -> str:
    """A formula as one line of words."""
    words = " ".join(_words(math).split())
    return words.replace(" ,", ",").replace(" .", ".").replace("( ", "(").replace(" )", ")").rstrip(" .,")


def _words(node: Element) -> str:
    parts = list(node)
    if node.tag in ("mi", "mn", "mo", "mtext"):
        return _sign(node.text or "")
    if node.tag in FORMS:
        return FORMS[node.tag](*parts)
    if len(parts) > 2 and (fence := FENCES.get(_name(parts[0].text))) and _name(parts[0].text) == _name(parts[-1].text):
        return f"{fence} {_join(parts[1:-1])} end"
    return _join(parts)


def _join(parts: list[Element]) -> str:
    return " ".join(map(_words, parts))


def _name(text: str | None) -> str:
    """The Unicode name of a single character in its plain form; empty for other texts."""
    plain = _plain(text or "")
    return unicodedata.name(plain, "") if len(plain) == 1 else ""


def _plain(text: str) -> str:
    """Letters without their style; other signs as they are."""
    return "".join(unicodedata.normalize("NFKC", sign) if _styled(sign) else sign for sign in text if sign != STYLE)


def _styled(sign: str) -> bool:
    return sign.isalnum() or unicodedata.name(sign, "").startswith("MATHEMATICAL")


def _sign(text: str) -> str:
    name = _name(text)
    if name in SIGNS:
        return SIGNS[name]
    if name.startswith("GREEK"):
        return name.rpartition("LETTER ")[2].rpartition("SYMBOL ")[2].removesuffix(" SYMBOL").lower()
    return _plain(text)


def _group(node: Element) -> str:
    """In brackets, if it is more than one thing."""
    words = _words(node).strip()
    return f"({words})" if len(node) > 1 and words.count("(") != 1 else words


def _sub(base: Element, low: Element) -> str:
    return f"{_words(base)} sub {_group(low)}"


def _power(base: Element, high: Element) -> str:
    return f"{_words(base)} {_raised(high)}"


def _raised(high: Element) -> str:
    power = _group(high)
    if power in ("2", "prime", "star"):
        return {"2": "squared"}.get(power, power)
    return f"superscript {power}" if power.startswith("( ") else f"to the power {power}"


def _both(base: Element, low: Element, high: Element) -> str:
    if _words(base) in ("sum", "product"):
        return f"{_words(base)} from {_words(low)} to {_words(high)} of"
    return f"{_sub(base, low)} {_raised(high)}"


def _fraction(top: Element, bottom: Element) -> str:
    if len(top) > 1 or len(bottom) > 1:
        return f"fraction {_words(top)} over {_words(bottom)} end"
    return f"{_words(top)} over {_words(bottom)}"


FORMS = {
    "msub": _sub,
    "munder": _sub,
    "msup": _power,
    "msubsup": _both,
    "munderover": _both,
    "mover": lambda base, high: f"{_words(base)} {_words(high)}",
    "mfrac": _fraction,
    "msqrt": lambda *inner: f"square root of {_join(list(inner))} end",
}
