"""Text from elsewhere, made safe to show."""


def clean(text: object, limit: int = 300) -> str:
    """One line of printable characters."""
    return "".join(c if c.isprintable() else " " for c in str(text))[:limit].strip()
