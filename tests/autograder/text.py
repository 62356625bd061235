"""Text from elsewhere, made safe to show."""


def clean(text: object, limit: int = 300) -> str:
    """One line of printable characters."""
    line = str(text)[:limit]
    return (line if line.isprintable() else "".join(c if c.isprintable() else " " for c in line)).strip()
