"""Whose attempts are whose: they are put together by student or group, and each gets a name in the folder of grades.

With a roster, a student is called by the id there, a group by its name. Without, by what the platform says. The folder
remembers in `.people` by what each name was recognised, so a student who is called so keeps that name whatever comes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.autograder.staff import names
from tests.autograder.staff.layouts import Attempt
from tests.autograder.staff.roster import Person, Roster


@dataclass
class Student:
    """A student, or a group, with all that was handed in."""

    label: str = ""
    """The name to be given; "" if the file's own name is to be taken."""
    keys: set[str] = field(default_factory=set)
    """What the student is recognised by in other calls; empty for a file whose owner nobody knows."""
    members: list[Person] = field(default_factory=list)
    """Of the roster."""
    called: list[str] = field(default_factory=list)
    """What platforms call the student, by which a roster may know the name later."""
    attempts: list[Attempt] = field(default_factory=list)


def together(attempts: Iterable[Attempt], roster: Roster | None) -> list[Student]:
    """The attempts by student. Whoever shares an attempt, or a group of the roster, is one student here."""
    found: list[Student] = []
    by_key: dict[str, Student] = {}
    for attempt in attempts:
        new = _student(attempt, roster)
        student = next((by_key[key] for key in sorted(new.keys) if key in by_key), None)
        if student is None:
            found.append(student := new)
        else:
            student.attempts.append(attempt)
            student.members += [person for person in new.members if person not in student.members]
            student.called += [text for text in new.called if text not in student.called]
            student.keys |= new.keys
        by_key |= dict.fromkeys(student.keys, student)
    return found


def _student(attempt: Attempt, roster: Roster | None) -> Student:
    called = _called(attempt)
    members = _members(attempt, roster) if roster else []
    keys = {f"id {person.id}" for person in members}
    if attempt.layout != "plain":
        keys.add(" ".join(map(str, attempt.key)))
    label = attempt.label
    if members:
        label = members[0].group or "+".join(person.id for person in members)
    return Student(label, keys, members, called, [attempt])


def _called(attempt: Attempt) -> list[str]:
    if attempt.layout == "plain":
        return [names.name_of(attempt.files[0])]
    return list(dict.fromkeys([*attempt.ids, attempt.name]))


def _members(attempt: Attempt, roster: Roster) -> list[Person]:
    """Everybody in the class whose work it is, with their groups."""
    if attempt.layout == "plain":
        known = roster.find_in(names.name_of(attempt.files[0]))
    else:
        known = [person for who in attempt.members or (attempt,) for person in roster.find(who.ids, who.name)]
    return list(dict.fromkeys(partner for person in known for partner in roster.partners(person)))


def named(students: Iterable[Student], known: dict[str, str], people: dict[str, dict]) -> dict[str, Student]:
    """The students by name; each keeps the name by which the folder knows it.

    Args:
        known: the path of each name in the folder.
        people: by name, what the folder remembers about it (`remembered`).
    """
    by_key = {key: name for name, about in people.items() for key in about["keys"]}
    by_path = {path: name for name, path in known.items() if path}
    taken = {names.compared(name) for name in (*known, *names.RESERVED)}
    found: dict[str, Student] = {}
    plain: dict[Path, Student] = {}
    for student in students:
        if not student.label:
            plain[student.attempts[0].files[0]] = student
            continue
        paths = [str(attempt.files[0]) for attempt in student.attempts]
        before = [by_key[key] for key in sorted(student.keys) if key in by_key]
        before += [by_path[path] for path in paths if path in by_path]
        label = names.cleaned(student.label)
        if label in known and label not in people:  # from a call without a roster
            before.append(label)
        name = next((name for name in before if name not in found), "") or names.free(label, taken)
        found[name] = student
    others = known | dict.fromkeys(found.keys() - known.keys(), "/")
    for name, path in names.assign(plain, others).items():
        found[name] = plain[path]
    return found


def remembered(student: Student, roster: Roster | None) -> dict:
    """What `.people` keeps of a student."""
    return {
        "stranger": roster is not None and not student.members,
        "keys": sorted(student.keys),
        "members": [person.id for person in student.members],
        "called": student.called,
    }
