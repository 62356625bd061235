"""CHANGELOG.md: what changed, by version. A release has its newest version, and so has pyproject.toml.

## 1.1.0 (2026-11-25)

- code: 1.3: what was corrected, and what students have to do about it; a long entry
  goes on in the next line.
"""

import re
from dataclasses import dataclass
from datetime import date

HEADING = re.compile(r"## (\d+)\.(\d+)\.(\d+) \((\d{4}-\d{2}-\d{2})\)")
SHAPE = '"## 1.2.3 (2026-11-25)"'


@dataclass(frozen=True, order=True)
class Version:
    """A version of the homework."""

    major: int
    minor: int
    patch: int
    day: date

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def heading_after(self) -> str:
        """The heading of the next correction, if it is made today."""
        return f"## {self.major}.{self.minor}.{self.patch + 1} ({date.today()})"


def versions(text: str) -> list[Version]:
    """All versions, the newest first.

    Raises ValueError, which names the line, for a heading of another form, and for versions or dates in another order.
    """
    found: list[Version] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("## "):
            continue
        match = HEADING.fullmatch(line)
        if match is None:
            raise ValueError(f"CHANGELOG.md, line {number}: a heading is a version and its date, such as {SHAPE}")
        version = Version(*map(int, match.groups()[:3]), date.fromisoformat(match[4]))
        if found and not (version < found[-1] and version.day <= found[-1].day):
            raise ValueError(
                f"CHANGELOG.md, line {number}: {version} must be older than {found[-1]}, which is above it"
            )
        found.append(version)
    if not found:
        raise ValueError(f"CHANGELOG.md: no version; a heading is a version and its date, such as {SHAPE}")
    return found


def newest(text: str) -> Version:
    """The newest version. Raises ValueError as `versions` does."""
    return versions(text)[0]


def entries(text: str) -> list[str]:
    """All entries without their dashes, each in one line."""
    found: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.startswith("- "):
            found.append(line.removeprefix("- "))
        elif inside and line.startswith("  "):
            found[-1] += " " + line.strip()
        inside = line.startswith(("- ", "  ")) and bool(found)
    return found
