"""Decisions: a warning that somebody overrules is written down once, and its clip is used from then on."""

from pathlib import Path

import pytest

from asr.base.errors import DataError
from asr.base.files import read_csv
from asr.recordings.decisions import Decision, read_decisions
from commands.decisions import make_writable, take_over
from stages.common.decisions import kept_warnings, without_speech

HEADER = "line,path,severity,reason,detail,remedy,decision,file,start,end\n"
WARNED = "2,a.wav,warn,clipped,5 % of the samples,record it anew,{},data/a.wav,,\n"
REFUSED = "3,b.wav,refuse,silence,nothing above -60 dB,remove the row,{},data/b.wav,,\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for folder in ("validated", "sets"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    (tmp_path / "decisions.csv").write_text("dataset,path,reason,decision\n")
    return tmp_path


def write(project: Path, own: str, sets: str = "") -> None:
    (project / "data/validated/rejects.csv").write_text(HEADER + own)
    (project / "data/sets/rejects.csv").write_text("dataset," + HEADER + sets)


def test_what_is_kept_goes_into_the_file_that_git_keeps(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, WARNED.format("keep") + REFUSED.format(""), "general," + WARNED.format(" keep "))

    take_over()

    assert read_decisions(Path("decisions.csv")) == {Decision("", "a.wav", "clipped"), Decision("general", "a.wav", "clipped")}
    assert "2 decisions of rejects.csv are in decisions.csv now" in capsys.readouterr().err


def test_what_is_kept_of_the_table_that_is_mixed_in_is_taken_over_as_well(project: Path) -> None:
    (project / "data/mix").mkdir()
    (project / "data/mix/rejects.csv").write_text("dataset," + HEADER + "train.mix," + WARNED.format("keep"))

    take_over()

    assert kept_warnings("train.mix") == {("a.wav", "clipped")}
    assert kept_warnings() == frozenset()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_spreadsheet_may_have_saved_the_list(project: Path, encoding: str) -> None:
    write(project, "")
    own, sets = ((project / "data" / name / "rejects.csv") for name in ("validated", "sets"))
    own.write_text((HEADER + WARNED.format("keep")).replace(",", ";"), encoding=encoding)
    sets.write_text("dataset," + HEADER + "general," + WARNED.format("keep"), encoding=encoding)

    take_over()

    assert read_decisions(Path("decisions.csv")) == {Decision("", "a.wav", "clipped"), Decision("general", "a.wav", "clipped")}


def test_a_list_in_another_encoding_is_named(project: Path) -> None:
    write(project, "")
    (project / "data/validated/rejects.csv").write_text(
        HEADER + WARNED.format("keep").replace("a.wav", "ä.wav"), encoding="cp1252"
    )

    with pytest.raises(DataError, match=r"^data/validated/rejects.csv: not UTF-8; save it as CSV in UTF-8$"):
        take_over()


def test_what_is_known_is_not_written_twice(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, 2 * WARNED.format("keep"))
    take_over()
    capsys.readouterr()

    take_over()

    assert len(read_csv(Path("decisions.csv"))) == 1
    assert capsys.readouterr().err == ""


def test_what_was_decided_before_stays_before_it_with_what_else_is_noted_there(project: Path) -> None:
    (project / "decisions.csv").write_text("dataset,path,reason,decision,by\n,c.wav,clipped,keep,ann\n,a.wav,silence,keep,\n")
    write(project, WARNED.format("keep"))

    take_over()
    take_over()

    assert (project / "decisions.csv").read_text() == (
        "dataset,path,reason,decision,by\n,c.wav,clipped,keep,ann\n,a.wav,silence,keep,\n,a.wav,clipped,keep,\n"
    )


def test_there_may_be_neither_rejects_nor_decisions_yet(project: Path) -> None:
    (project / "decisions.csv").unlink()
    take_over()
    make_writable()
    assert not (project / "decisions.csv").exists()

    write(project, WARNED.format("keep"))
    take_over()

    assert kept_warnings() == {("a.wav", "clipped")}


def test_a_decision_is_of_one_set(project: Path) -> None:
    write(project, WARNED.format("keep"), "general," + WARNED.format("keep").replace("a.wav", "b.wav"))

    take_over()

    assert kept_warnings() == {("a.wav", "clipped")}
    assert kept_warnings("general") == {("b.wav", "clipped")}


def test_a_mark_that_excel_puts_before_a_csv_is_no_part_of_its_first_column(project: Path) -> None:
    write(project, "", "general," + WARNED.format("keep"))
    for file in (project / "data/sets/rejects.csv", project / "decisions.csv"):
        file.write_text(file.read_text(), encoding="utf-8-sig")

    take_over()

    assert read_decisions(Path("decisions.csv")) == {Decision("general", "a.wav", "clipped")}


def test_a_list_of_rejects_that_was_saved_without_its_commas_is_named(project: Path) -> None:
    write(project, (HEADER + WARNED.format("keep")).replace(",", "|"))
    file = project / "data/validated/rejects.csv"
    file.write_text(file.read_text().partition("\n")[2])

    with pytest.raises(DataError, match=r"data/validated/rejects.csv:2: no column path; save it as CSV"):
        take_over()


def test_nothing_is_written_where_nothing_is_decided(project: Path) -> None:
    before = (project / "decisions.csv").read_bytes()
    write(project, WARNED.format(""))

    take_over()

    assert (project / "decisions.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (WARNED.format("maybe"), r"data/validated/rejects.csv:2: the decision is 'maybe'; there are keep and no speech"),
        (
            REFUSED.format("keep"),
            r"data/validated/rejects.csv:2: b.wav can't be kept: silence \(nothing above -60 dB\); if nobody speaks in it, ",
        ),
        (
            REFUSED.format("no speech").replace("silence", "unreadable audio"),
            r"data/validated/rejects.csv:2: b.wav can't be kept: unreadable audio \(nothing above -60 dB\)$",
        ),
    ],
)
def test_a_decision_that_comes_to_nothing_is_named(project: Path, row: str, message: str) -> None:
    write(project, row)

    with pytest.raises(DataError, match=message):
        take_over()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "dataset,path,reason,decision\n,a.wav,clipped,drop\n",
            r"decisions.csv:2: the decision is 'drop'; there are keep and no speech",
        ),
        (
            "dataset,path,reason,decision\n,a.wav,clipped\n",
            r"decisions.csv:2: no decision; the columns are dataset, path, reason",
        ),
        ("dataset,path,reason,decision\n,a.wav,clipped, \n", r"decisions.csv:2: no decision; write keep or no speech, or "),
        (
            "dataset,path,reason,decision\ngeneral,a.wav,silence,no speech\n",
            r"decisions.csv:2: no speech is for clips to learn from, not for those of a test set or of train.mix: take it back",
        ),
        ("dataset,path,reason,decision\n,a.wav,clipped,keep,ann\n", r"decisions.csv:2: more cells than columns"),
        ("path,reason,decision\na.wav,clipped,keep\n", r"decisions.csv:2: no dataset; the columns are dataset, path, reason"),
    ],
)
def test_a_file_of_decisions_that_cannot_be_read(project: Path, text: str, message: str) -> None:
    (project / "decisions.csv").write_text(text)

    with pytest.raises(DataError, match=message):
        read_decisions(Path("decisions.csv"))


@pytest.mark.parametrize("written", ["no speech", "No Speech", " no_speech", "no-speech", "silence"])
@pytest.mark.parametrize("reason", ["silence", "empty transcript"])
def test_a_clip_without_speech_is_marked_in_the_column_of_decisions(project: Path, written: str, reason: str) -> None:
    write(project, REFUSED.format(written).replace("silence,", f"{reason},", 1) + WARNED.format("keep"))

    take_over()
    take_over()

    assert read_decisions(Path("decisions.csv")) == {
        Decision("", "b.wav", reason, "no speech"),
        Decision("", "a.wav", "clipped", "keep"),
    }
    assert without_speech() == {"b.wav"}
    assert kept_warnings() == {("a.wav", "clipped")}


def test_a_clip_of_a_test_set_is_never_one_without_speech(project: Path) -> None:
    write(project, "", "general," + REFUSED.format("no speech"))

    with pytest.raises(DataError, match=r"^data/sets/rejects.csv:2: no speech is for clips to learn from"):
        take_over()
    write(project, "", "general," + REFUSED.format("keep"))
    with pytest.raises(DataError, match=r"^data/sets/rejects.csv:2: b.wav can't be kept: silence \(nothing above -60 dB\)$"):
        take_over()


def test_spaces_around_a_decision_do_not_count(project: Path) -> None:
    (project / "decisions.csv").write_text("dataset,path,reason,decision\n,a.wav,clipped, keep \n")

    assert read_decisions(Path("decisions.csv")) == {Decision("", "a.wav", "clipped")}


@pytest.mark.parametrize("folder", ["validated", "sets"])
def test_the_list_of_rejects_can_be_edited_without_touching_dvcs_cache(project: Path, folder: str) -> None:
    write(project, WARNED.format(""))
    file, cached = project / "data" / folder / "rejects.csv", project / "cached"
    before = file.read_text()
    cached.hardlink_to(file)
    file.chmod(0o444)

    make_writable()
    file.write_text("edited")

    assert cached.read_text() == before
