"""Exports as platforms deliver them: every student is graded once, under a name that stays, and nobody is lost."""

import csv
import json
import zipfile
from pathlib import Path

import pytest

from tests.autograder import intake
from tests.autograder.staff import exports, layouts, roster
from tests.autograder.staff.batch import BatchError
from tests.autograder.staff.received import attempts
from tests.staff.fake_grader import install
from tests.staff.test_intake import FILES

ROSTER = """\
Student ID;Full Name;E-Mail;Section;Extension (days);GitHub
s1;Liddell, Alice;alice@x.edu;A;2,5;al-ice
s2;Bob Hatter;bob@x.edu;A;;mad-hatter
s3;Łukasz O'Hara-Smith;luk@x.edu;B;0;
"""
METADATA = """\
---
submission_11:
  :submitters:
  - :name: Alice Liddell
    :sid: 's1'
    :email: alice@x.edu
  :created_at: 2026-11-01 10:00:00.123456000 -08:00
  :score: !ruby/object:BigDecimal 18:0.1e2
submission_12:
  :submitters:
  - :name: Bob Hatter
    :sid: ''
    :email: Bob@x.edu
  - :name: Łukasz O'Hara-Smith
    :email: luk@x.edu
  :created_at: 2026-11-02 10:00:00 Z
"""


def tree(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def packed(path: Path, folder: Path, around: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, around + file.relative_to(folder).as_posix())
    return path


JUNK = {
    "roster.csv": "x",
    "desktop.ini": "x",
    "Thumbs.db": "x",
    "index.html": "x",
    "__MACOSX/._a.zip": "x",
    ".DS_Store": "",
}
CANVAS = {
    "liddellalice_LATE_101_900_submission.zip": "a1",
    "liddellalice_101_950_submission-1.zip": "a2",
    "hatterbob_102_901_losses.py": "b1",
    "hatterbob_102_902_heads-1.py": "b2",
    "hatterbob_102_899_heads.py": "old",
    "hatterbob_102_903_report.pdf": "b3",
    "oharasmithłukasz_103_904_work.rar": "Rar!",
}
MOODLE = {
    "Alice Liddell_55_assignsubmission_file/submission.zip": "a",
    "Alice Liddell_55_assignsubmission_onlinetext/onlinetext.html": "x",
    "Bob Hatter_56_assignsubmission_file_/my work (3).zip": "b",
    "Łukasz O'Hara-Smith_57_assignsubmission_file/hw1/losses.py": "c",
}
FLAT = {
    "Alice Liddell_55_assignsubmission_file_submission.zip": "a",
    "Bob Hatter_56_assignsubmission_file_losses.py": "b",
}
GRADESCOPE = {"submission_metadata.yml": METADATA, "submission_11/hw1/losses.py": "a", "submission_12/losses.py": "b"}
GITHUB = {f"hw1-{login}/{file}": "x" for login in ("al-ice", "mad-hatter") for file in (".git/config", "hw1/losses.py")}
PLAIN = {"alice.zip": "a", "bob/submission.zip": "b", "carol/hw1/losses.py": "c", "dave/work/losses.py": "d"}
WITHOUT_ROSTER = [
    (CANVAS, {"liddellalice_101", "hatterbob_102", "oharasmithłukasz_103"}),
    (MOODLE, {"Alice Liddell_55", "Bob Hatter_56", "Łukasz O'Hara-Smith_57"}),
    (FLAT, {"Alice Liddell_55", "Bob Hatter_56"}),
    (GRADESCOPE, {"Alice Liddell", "Bob Hatter"}),
    (GITHUB, {"al-ice", "mad-hatter"}),
    (PLAIN, {"alice", "bob", "carol", "dave"}),
]


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def main(monkeypatch, out):
    command = install(monkeypatch)
    return lambda *arguments: command("--out", out, *arguments)


def names(out: Path) -> set[str]:
    return {row["name"] for row in csv.DictReader((out / "grades.csv").read_text(encoding="utf-8").splitlines())}


@pytest.mark.parametrize(("files", "expected"), WITHOUT_ROSTER)
@pytest.mark.parametrize("how", ["folder", "inside", "zip", "zip with a folder", "with junk"])
def test_an_export_is_graded_by_student_however_it_is_given(main, out, tmp_path, files, expected, how):
    folder = tree(tmp_path / "in", files | (JUNK if how in ("inside", "with junk") else {}))
    given = {
        "folder": lambda: [folder],
        "with junk": lambda: [folder],
        "inside": lambda: folder.iterdir(),
        "zip": lambda: [packed(tmp_path / "export.zip", folder)],
        "zip with a folder": lambda: [packed(tmp_path / "export.zip", folder, "in/")],
    }[how]()
    if files is GITHUB and "zip" in how:
        pytest.skip("clones are no download")
    assert main(*given) == 0
    assert names(out) == expected
    before = (out / "grades.csv").read_text()
    assert main(folder if "zip" not in how else given[0]) == 0, "given again in another way"
    assert names(out) == expected
    assert len(before.splitlines()) == len(expected) + 1


def test_a_folder_of_one_student_is_no_class(main, out, tmp_path):
    files = {
        "alice/old.zip": "1",
        "alice/hw1/losses.py": "x",
        "bob/run_128_64_a.npz": "x",
        "bob/mine/hw1/losses.py": "x",
    }
    folder = tree(tmp_path / "in", files)
    assert main(folder / "alice") == 0
    assert main(folder / "bob") == 0
    assert main(folder) == 0
    assert names(out) == {"alice", "bob"}


@pytest.mark.parametrize(
    "files", [CANVAS, GRADESCOPE, GITHUB, PLAIN, {"hw1-al/.git/config": "", "hw1-al/hw1/heads.py": "x"}]
)
def test_folders_around_an_export_change_nothing(main, out, tmp_path, files):
    tree(tmp_path / "in" / "a" / "b", files)
    assert main(tmp_path / "in") == 0
    expected = next((names for given, names in WITHOUT_ROSTER if given is files), {"al"})
    assert names(out) == expected


@pytest.mark.parametrize(
    "own",
    [
        ["hw1_2026_11_alice.zip", "hw1_2026_11_bob.zip"],
        ["lab_1_001_alice.zip", "lab_1_002_bob.zip"],
        ["a_1_1_x.zip", "b_1_1_x.zip"],
    ],
)
def test_names_of_ones_own_that_look_like_canvas_put_nobody_together(main, out, tmp_path, own):
    assert main(tree(tmp_path / "in", dict.fromkeys(own, "1"))) == 0
    assert names(out) == {name.removesuffix(".zip") for name in own}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("submission_1:\n  :submitters: [", "download the export again"),
        ("- 1\n", "download the export again"),
        ("submission_1: !!python/object/apply:os.system [echo]\n", "download the export again"),
        ("submission_1:\n  :score: 1\n", "download the export again"),
    ],
)
def test_damaged_metadata_stop_the_batch_before_anybody_is_graded(main, out, tmp_path, capsys, text, says):
    folder = tree(tmp_path / "in", {"submission_metadata.yml": text, "submission_1/hw1/losses.py": "x"})
    assert main(folder) == 1
    assert says in capsys.readouterr().err
    assert not out.exists()


def test_an_export_writes_nothing_outside_and_no_bomb(tmp_path):
    path = tmp_path / "submissions.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a_1_2_submission.zip", "../b_1_2_submission.zip", "/c_1_2_submission.zip", "d_1_2_x/../../e.zip"):
            archive.writestr(name, "x")
        archive.writestr("f_1_2_submission.zip", bytes(8 << 20))
        link = zipfile.ZipInfo("g_1_2_submission.zip")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    (folder,) = exports.opened([path], tmp_path / "out" / ".exports")
    assert [file.name for file in folder.iterdir()] == ["a_1_2_submission.zip"]
    assert {file.name for file in tmp_path.iterdir()} == {"submissions.zip", "out"}


# --- who is who -------------------------------------------------------------------------------------------------------
@pytest.fixture
def sheet(tmp_path) -> Path:
    path = tmp_path / "roster.csv"
    path.write_text(ROSTER, encoding="utf-8-sig")
    return path


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (CANVAS, {"s1", "s2", "s3"}),
        (MOODLE, {"s1", "s2", "s3"}),
        (FLAT, {"s1", "s2"}),
        (GRADESCOPE, {"s1", "s2+s3"}),
        (GITHUB, {"s1", "s2"}),
        ({"S1.zip": "1", "bob.zip": "2", "Łukasz O'Hara-Smith.zip": "3", "eve.zip": "4"}, {"s1", "s2", "s3", "eve"}),
        ({"alice@x.edu.zip": "1", "Bob_Hatter.zip": "2"}, {"s1", "s2"}),
        ({"hw1_s1.zip": "1", "S2 (final).zip": "2", "s1_s2.zip": "3"}, {"s1", "s2", "s1_s2"}),
    ],
)
def test_with_a_roster_students_are_called_by_their_id(main, out, tmp_path, capsys, sheet, files, expected):
    assert main(tree(tmp_path / "in", files), "--roster", sheet) == 0
    assert names(out) == expected
    said = capsys.readouterr().out
    absent = {"s1", "s2", "s3"} - {id for name in expected for id in name.split("+")}
    assert ("handed in nothing" in said) == bool(absent)
    assert all(f"`{id}`" in said.partition("handed in nothing")[2] for id in absent)
    strangers = expected & {"eve", "s1_s2"}
    assert ("match nobody in the roster: 1 submission: " in said) == bool(strangers)
    if strangers:
        assert '"not in the roster"' in (out / "grades.csv").read_text()


def test_a_roster_that_comes_later_keeps_the_names_and_adds_no_rows(main, out, tmp_path, sheet):
    folder = tree(tmp_path / "in", CANVAS)
    assert main(folder) == 0
    before = names(out)
    assert main(folder, "--roster", sheet) == 0
    assert names(out) == before
    again = tree(tmp_path / "again", {"liddellalice_101_999_submission-2.zip": "new"})
    assert main(*again.iterdir(), "--roster", sheet) == 0
    assert names(out) == before, "another layout of the name would have been another row"


def test_a_group_of_the_roster_is_one_submission(main, out, tmp_path):
    sheet = (
        tree(tmp_path, {"r.csv": "id,name,group\n1,Alice Liddell,Red team\n2,Bob Hatter,Red team\n3,Eve,\n"}) / "r.csv"
    )
    files = {"Alice Liddell_5_assignsubmission_file/a.zip": "1", "Bob Hatter_6_assignsubmission_file/b.zip": "2"}
    assert main(tree(tmp_path / "in", files), "--roster", sheet) == 0
    assert main(tree(tmp_path / "later", {"red team_1_2_x.zip": "3"}) / "red team_1_2_x.zip", "--roster", sheet) == 0
    assert names(out) == {"Red team"}
    assert json.loads((out / ".people").read_text())["Red team"]["members"] == ["1", "2"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("top", ["", "sep={}\r\n"])
def test_a_roster_is_read_however_excel_wrote_it(tmp_path, encoding, separator, top):
    lines = ["NAME|SIS User ID|e_mail|Section|Extension days", "Jürgen Müller|007|j@x|A|1", "||||", "José|8|||"]
    text = top.format(separator) + "\r\n".join(lines).replace("|", separator)
    (tmp_path / "r.csv").write_bytes(text.encode(encoding))
    people = roster.read(tmp_path / "r.csv").people
    assert [(p.id, p.name, p.email, p.extension) for p in people] == [
        ("007", "Jürgen Müller", "j@x", 1.0),
        ("8", "José", "", 0),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("name,phone\na,b\n", 'no column "id"; it has name, phone'),
        ("id,name\n1,a\n1,b\n", "the id '1' is in it twice (a, b)"),
        ("id,name\n,a\n", "line 2: 'a' has no id"),
        ("id,extension\n1,soon\n", "line 2: the extension is 'soon'"),
        ("id,extension\n1,nan\n", "line 2: the extension is 'nan'"),
        ("id\n", "lists no student"),
        ("PK\3\4", "is a workbook: save it as CSV"),
    ],
)
def test_a_roster_that_cannot_be_right_is_refused_with_its_line(tmp_path, text, says):
    (tmp_path / "r.csv").write_text(text)
    with pytest.raises(BatchError) as caught:
        roster.read(tmp_path / "r.csv")
    assert says in str(caught.value)


def test_nobody_gets_the_work_of_a_namesake(main, out, tmp_path, capsys):
    sheet = tree(tmp_path, {"r.csv": "id,name\n1,Alice Liddell\n2,Liddell Alice\n"}) / "r.csv"
    assert main(tree(tmp_path / "in", {"liddellalice_9_1_a.zip": "1"}), "--roster", sheet) == 0
    assert names(out) == {"liddellalice_9"}
    assert "match nobody in the roster" in capsys.readouterr().out


# --- attempts ---------------------------------------------------------------------------------------------------------
ATTEMPTS = {"a_7_10_submission.zip": "1", "a_7_30_submission-2.zip": "wrong", "a_7_9_submission-1.zip": "0"}


@pytest.mark.parametrize(("attempt", "counts"), [("latest", "wrong"), ("first", "0"), ("best", "1")])
def test_one_attempt_counts_and_all_are_kept(main, out, tmp_path, attempt, counts):
    assert main(tree(tmp_path / "in", ATTEMPTS), "--attempt", attempt) == 0
    about = json.loads((out / "a_7" / "results.json").read_text())["extra_data"]["file"]
    assert (out / "a_7" / "submitted" / about["sha256"] / about["name"]).read_text() == counts
    kept = attempts(out / "a_7")
    assert [(out / "a_7" / each.file).read_text() for each in kept] == ["0", "1", "wrong"]
    assert names(out) == {"a_7"}
    assert main(tree(tmp_path / "in", ATTEMPTS), "--attempt", attempt) == 0
    assert attempts(out / "a_7") == kept, "nothing is listed twice"


def test_an_old_download_that_is_given_again_does_not_count(main, out, tmp_path, capsys):
    new = tree(tmp_path / "2", {"a_7_20_x.zip": "new", "b_8_1_x.zip": "b"})
    assert main(new) == 0
    assert main(tree(tmp_path / "1", {"a_7_10_x.zip": "old"}) / "a_7_10_x.zip") == 0
    assert "a newer attempt was given before, and still counts: 1 submission: `a_7`" in capsys.readouterr().out
    assert [(out / "a_7" / each.file).read_text() for each in attempts(out / "a_7")] == ["old", "new"]


def test_a_newer_attempt_that_cannot_be_read_does_not_count_as_the_older_one(main, out, tmp_path):
    folder = tree(tmp_path / "in", {"alice/hw1/losses.py": "1", "bob.zip": "2"})
    assert main(folder) == 0
    (folder / "alice/hw1/losses.py").write_bytes(bytes(2 << 20))
    assert main(folder, "--force") == 0
    page = json.loads((out / "alice" / "results.json").read_text())
    assert page["extra_data"]["file"] == {"name": "alice", "sha256": ""}, "it was graded where it lies"


def test_what_is_kept_gives_the_grade_of_what_was_handed_in(tmp_path):
    from tests.autograder.staff.layouts import Attempt
    from tests.autograder.staff.received import receive

    more = {
        "hw1/mine.py": b"x",
        "hw1/bc.py": b"changed",
        "conftest.py": b"",
        "notes.md": b"",
        ".git/x.py": b"",
        "a.zip": b"",
    }
    folder = tree(tmp_path / "alice", FILES | more)
    (folder / "hw1/losses.py").unlink()
    (folder / "hw1/losses.py").symlink_to("bc.py")
    (kept,) = receive(tmp_path / "out", [Attempt((folder,))])
    direct, again = (
        intake.take(path, tmp_path / f"taken{number}")
        for number, path in enumerate([folder, tmp_path / "out" / kept.file])
    )
    assert direct == again
    assert "hw1/losses.py is a link" in direct.notes[-1] + "".join(direct.notes)


def test_single_files_are_put_together_under_their_own_names(tmp_path):
    found, skipped = layouts.found([tree(tmp_path / "in", CANVAS)], tmp_path / "out")
    (bob,) = [attempt for attempt in found if attempt.name == "hatterbob"]
    assert skipped == []
    assert {layouts.original_name(file.name) for file in bob.files} == {"losses.py", "heads.py", "report.pdf"}
    assert "hatterbob_102_902_heads-1.py" in {file.name for file in bob.files}, "the newer of two"
