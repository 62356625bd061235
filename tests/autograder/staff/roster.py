"""Who is in the class: the roster, and which student a submission, or a row of a platform's table, belongs to.

A roster is a CSV file with a column `id`, and any of `name` (or first and last name), `email`, `section`, `group`,
`extension` (days) and further names of the same student: `github`, `canvas id`, `login`. A platform's own export of the
class will do: the spelling of the columns is free.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from tests.autograder.staff import sheets
from tests.autograder.staff.batch import BatchError
from tests.autograder.staff.names import quoted
from tests.autograder.staff.sheets import Sheet, squeezed

IDS = (
    "student id",
    "sid",
    "sis user id",
    "id number",
    "student number",
    "id",
    "username",
    "net id",
    "sis login id",
    "login",
    "login id",
)
ALIASES = (*IDS, "canvas id", "github", "github username", "github login", "identifier", "participant")
FIRST, LAST = ("first name", "given name", "firstname"), ("last name", "surname", "family name", "lastname")
NAMES = ("name", "full name", "student", "student name")
EMAILS = ("email", "email address", "e-mail", "mail")
EXTENSIONS = ("extension days", "extension", "days", "extra days")
LONGEST = 366.0  # days of an extension


@dataclass(frozen=True)
class Person:
    """A student of the class."""

    id: str
    name: str = ""
    email: str = ""
    section: str = ""
    group: str = ""
    extension: float = 0.0
    """Days."""
    aliases: tuple[str, ...] = ()
    """Other identifiers."""

    def keys(self) -> set[str]:
        """What the student is certainly found by, as `squeezed` texts."""
        local = self.email.partition("@")[0]
        return {squeezed(text) for text in (self.id, self.email, local, *self.aliases)} - {""}


def spellings(name: str) -> set[str]:
    """A name as platforms write it: "Alice B. Liddell", "Liddell, Alice B.", "liddellaliceb"."""
    words = [squeezed(word) for word in name.replace(",", " ").split()]
    return {"".join(words[at:] + words[:at]) for at in range(len(words))} - {""}


@dataclass(frozen=True)
class Roster:
    """All students of the class."""

    people: tuple[Person, ...]

    @cached_property
    def _by_key(self) -> dict[str, set[Person]]:
        return _index((person, person.keys()) for person in self.people)

    @cached_property
    def _by_name(self) -> dict[str, set[Person]]:
        return _index((person, spellings(person.name)) for person in self.people)

    @cached_property
    def groups(self) -> dict[str, list[Person]]:
        """The members of each group, by its `squeezed` name."""
        found = defaultdict(list)
        for person in self.people:
            if person.group:
                found[squeezed(person.group)].append(person)
        return dict(found)

    def find(self, ids: Iterable[str], name: str = "") -> list[Person]:
        """The student with one of these identifiers, or else of this name; the members, if it is a group's name.

        Empty if nobody has them, or if several have: nobody gets the grade of another by a guess.
        """
        for text in filter(None, map(squeezed, ids)):
            if len(found := self._by_key.get(text, set())) == 1:
                return list(found)
        for text in sorted(spellings(name)):
            if len(found := self._by_name.get(text, set()) | self._by_key.get(text, set())) == 1:
                return list(found)
        return self.groups.get(squeezed(name), [])

    def find_in(self, text: str) -> list[Person]:
        """The student, or group, of this name, or the only one whose identifier is a part of it: "s1234567_hw1"."""
        if found := self.find([text], text):
            return found
        parts = {squeezed(part) for part in re.split(r"[\s_.,()-]+", text)}
        named = {person for part in parts for person in self._by_key.get(part, ())}
        return list(named) if len(named) == 1 else []

    def partners(self, person: Person) -> list[Person]:
        """All members of the student's group; the student alone without one."""
        return self.groups[squeezed(person.group)] if person.group else [person]


def _index(pairs: Iterable[tuple[Person, set[str]]]) -> dict[str, set[Person]]:
    index = defaultdict(set)
    for person, keys in pairs:
        for key in keys:
            index[key].add(person)
    return dict(index)


def read(path: Path) -> Roster:
    """The roster in a CSV file. Raises BatchError, with the line, if it cannot be right."""
    sheet = sheets.read(path)
    if sheet.column(*IDS, *EMAILS) is None:
        raise BatchError(f'{quoted(path)} has no column "id"; it has {", ".join(sheet.header)}')
    people = [_person(sheet, number) for number in range(len(sheet.rows))]
    people = [person for person in people if person]
    seen: dict[str, Person] = {}
    for person in people:
        if other := seen.get(squeezed(person.id)):
            raise BatchError(f"{quoted(path)}: the id {person.id!r} is in it twice ({other.name}, {person.name})")
        seen[squeezed(person.id)] = person
    if not people:
        raise BatchError(f"{quoted(path)} lists no student")
    return Roster(tuple(people))


def _person(sheet: Sheet, number: int) -> Person | None:
    """The student of a row; None for a row of something else, such as Canvas's points possible."""
    cell = partial(sheet.cell, number)
    name = cell(*NAMES) or f"{cell(*FIRST)} {cell(*LAST)}".strip()
    aliases = tuple(dict.fromkeys(text for title in (*IDS, *EMAILS, *ALIASES) if (text := cell(title))))
    if squeezed(name) in ("pointspossible", "studenttest") or not (aliases or name):
        return None
    if not aliases:
        raise BatchError(f"{sheet.line(number)}: {name!r} has no id; each student needs one")
    return Person(
        aliases[0],
        name,
        cell(*EMAILS),
        cell("section", "sections"),
        cell("group", "group name", "team"),
        _days(sheet, number, cell(*EXTENSIONS)),
        aliases[1:],
    )


def _days(sheet: Sheet, number: int, text: str) -> float:
    try:
        days = float(text.replace(",", ".") or 0)
    except ValueError:
        days = -1.0
    if not 0 <= days <= LONGEST:
        raise BatchError(f"{sheet.line(number)}: the extension is {text!r}; write days, from 0 to {LONGEST:.0f}")
    return days
