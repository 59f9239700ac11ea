"""The job script, and what happens where Slurm is missing or refuses; without a Slurm."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
from studies.tiny import write_protocol, write_study

from carbonize.cli.app import main
from carbonize.cluster.records import jobs_of
from carbonize.cluster.script import Task, render_script
from carbonize.config.cluster import ClusterConfig, load_cluster
from carbonize.config.study import load_study
from carbonize.errors import InputError
from carbonize.studies.prepare import prepare_study

ROOT = Path(__file__).resolve().parents[2]

# stands for carbonize: FOLDER is its fifth word; advances by one checkpoint at a signal if told so
FAKE = """\
#!/bin/bash
folder=$4
trap '[ -n "$MOVES" ] && touch "$folder/checkpoint/step-$RANDOM$RANDOM"; exit 75' USR1
trap 'exit 75' TERM
mkdir -p "$folder/checkpoint"
touch "$folder/began"
if [ -n "$ENDS" ]; then echo 'carbonize: error: replica 0: broke "down"' >&2; exit "$ENDS"; fi
for i in $(seq 600); do sleep 0.05; done
"""


def program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with spaces in its name, with what a job needs."""
    place = tmp_path / "a place"
    (place / "slurm" / "1").mkdir(parents=True)
    (place / "bin").mkdir()
    fake = program(place / "carbonize fake", FAKE)
    program(place / "bin" / "scontrol", '#!/bin/bash\necho "$@" >> requeued; exit "${REFUSED:-0}"\n')
    tasks = [Task("p.yaml", "run 0"), Task("it's a 'p'.yaml", "run $HOME 1")]
    cluster = ClusterConfig(command=f"'{fake}'", most_stalls=2)
    (place / "slurm" / "1" / "job.sh").write_text(render_script(tasks, cluster, "a 'name'", "slurm/1"))
    folders = [task.folder for task in tasks]
    (place / "slurm" / "1" / "submission.json").write_text(json.dumps({"job_id": "7", "folders": folders}))
    return place


def job(place: Path, number: int, **environment: str) -> subprocess.Popen[str]:
    """The job of one task, as Slurm would start it."""
    slurm = {"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": str(number), "SLURM_JOB_ID": "7"}
    path = f"{place / 'bin'}:{os.environ['PATH']}"
    return subprocess.Popen(
        ["bash", "slurm/1/job.sh"],
        cwd=place,
        env={**os.environ, **slurm, "PATH": path, **environment},
        stdout=open(place / "slurm" / "1" / f"{number}.log", "ab"),
        stderr=subprocess.STDOUT,
    )


def stopped(place: Path, number: int, sign: int, **environment: str) -> int:
    """Exit code of a job that gets a signal while it runs."""
    began = place / ("run 0" if number == 0 else "run $HOME 1") / "began"
    began.unlink(missing_ok=True)
    process = job(place, number, **environment)
    until = time.monotonic() + 30
    while not began.exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(sign)
    return process.wait(30)


def requeued(place: Path) -> list[str]:
    path = place / "requeued"
    return path.read_text().splitlines() if path.exists() else []


def test_usr1_reaches_carbonize_and_queues_this_task_again(place: Path) -> None:
    assert stopped(place, 1, signal.SIGUSR1, MOVES="1") == 75
    # the array's own number would requeue every task
    assert requeued(place) == ["requeue 7_1"]
    found = jobs_of(place)["run $HOME 1"]
    assert (found.id, found.state, found.code) == ("7_1", "requeued", 75)


def test_term_makes_a_checkpoint_and_queues_nothing(place: Path) -> None:
    # scancel: who asked for an end must get one; after preemption Slurm queues by itself
    assert stopped(place, 0, signal.SIGTERM) == 75
    assert requeued(place) == []
    assert jobs_of(place)["run 0"].state == "ended"


def test_without_progress_it_is_not_queued_for_ever(place: Path) -> None:
    assert stopped(place, 0, signal.SIGUSR1) == 75
    assert stopped(place, 0, signal.SIGUSR1, MOVES="1") == 75  # one step of progress starts the count anew
    assert stopped(place, 0, signal.SIGUSR1) == 75
    assert len(requeued(place)) == 3
    assert stopped(place, 0, signal.SIGUSR1) == 1
    assert len(requeued(place)) == 3
    found = jobs_of(place)["run 0"]
    assert (found.state, found.code) == ("ended", 1)
    assert "no step of progress in 2 starts in a row" in str(found.message)


def test_a_requeue_that_slurm_refuses_is_said(place: Path) -> None:
    assert stopped(place, 0, signal.SIGUSR1, MOVES="1", REFUSED="1") == 75
    assert jobs_of(place)["run 0"].state == "ended"
    assert "Slurm did not take the job back" in (place / "slurm" / "1" / "0.log").read_text()


@pytest.mark.parametrize("code", [0, 2, 3])
def test_the_exit_code_is_that_of_carbonize(place: Path, code: int) -> None:
    environment = {"ENDS": str(code)} if code else {"ENDS": "0"}
    assert job(place, 0, **environment).wait(30) == code
    found = jobs_of(place)["run 0"]
    assert (found.state, found.code) == ("ended", code)
    assert found.message == ('replica 0: broke "down"' if code else None)


def test_the_script_asks_for_what_the_cluster_file_says(tmp_path: Path) -> None:
    cluster = load_cluster(ROOT / "workflows" / "slurm" / "cluster.yaml")
    text = render_script([Task("p", "r")] * 3, cluster, "study", "slurm/1", report=False)
    for line in ("--array=0-2", "--signal=B:USR1@120", "--requeue", "--gpus=1", "--open-mode=append"):
        assert f"#SBATCH {line}\n" in text
    assert subprocess.run(["bash", "-n"], input=text, text=True, check=False).returncode == 0
    file = tmp_path / "cluster.yaml"
    file.write_text(
        'account: mat\npartition: gpu\ntime: "12:00:00"\ncpus: 8\nmemory: 32G\ngpus: 0\nmax_running: 5\n'
        "modules: [cuda/12.4]\nsetup: ['source my/bin/activate']\nenvironment: {A_B: \"x y\"}\n"
        "container: my image.sif\noptions: [--exclude=n1]\nqos: long\n"
    )
    text = render_script([Task("p", "r")] * 3, load_cluster(file), "study", "slurm/1", report=False)
    for line in ("--account=mat", "--partition=gpu", "--time=12:00:00", "--cpus-per-task=8", "--mem=32G",
                 "--array=0-2%5", "--exclude=n1", "--qos=long"):  # fmt: skip
        assert f"#SBATCH {line}\n" in text
    for line in ("module load cuda/12.4", "source my/bin/activate", "export A_B='x y'"):
        assert f"\n{line}\n" in text
    assert "gpus" not in text
    assert "apptainer exec --nv 'my image.sif' carbonize run \"$protocol\"" in text
    assert "--no-report &" in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time: 12:00:00\n", ["time", "quotes"]),
        ("time: tomorrow\n", ["time"]),
        ("acount: x\n", ["'acount'", "did you mean 'account'"]),
        ("account: 'x y'\n", ["account"]),
        ('setup: ["a\\nb"]\n', ["setup.0", "one line"]),
        ("gpus: -1\n", ["gpus"]),
        ("options: ['rm -rf']\n", ["options.0"]),
        ("- a\n", ["mapping"]),
    ],
)
def test_a_bad_cluster_file_is_refused_in_one_line(tmp_path: Path, text: str, words: list[str]) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        load_cluster(file)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def submit(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int:
    monkeypatch.setattr("sys.argv", ["carbonize", "submit", *map(str, words)])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    prepare_study(load_study(write_study(tmp_path)), tmp_path / "the study", lambda _: None)
    return tmp_path / "the study"


def test_without_sbatch_it_says_what_to_do(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert submit(monkeypatch, study) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "sbatch was not found" in said
    assert "--local" in said
    assert not (study / "slurm").exists()
    # the script can be looked at anywhere
    assert submit(monkeypatch, study, "--dry-run") == 0
    assert "#SBATCH --array=0-1\n" in capsys.readouterr().out


def test_what_slurm_says_when_it_refuses_is_passed_on(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refusal = "#!/bin/bash\necho 'sbatch: error: Invalid account or partition' >&2\nexit 1\n"
    (tmp_path / "bin").mkdir()
    program(tmp_path / "bin" / "sbatch", refusal)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert submit(monkeypatch, study) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "Slurm refused the job: Invalid account or partition" in said
    assert jobs_of(study) == {}


def test_protocols_are_submitted_from_the_folder_of_their_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bin").mkdir()
    program(tmp_path / "bin" / "sbatch", "#!/bin/bash\npwd > where\necho '12;cluster'\n")
    program(tmp_path / "bin" / "squeue", "#!/bin/bash\necho '12_0|PENDING'\necho '12_1|RUNNING'\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    files = [write_protocol(tmp_path, "one"), write_protocol(tmp_path, "two")]
    out = tmp_path / "my runs"
    assert submit(monkeypatch, *files, "--out", out) == 0
    assert "submitted job 12: 2 run(s)" in capsys.readouterr().out
    assert (out / "where").read_text().strip() == str(out)
    script = (out / "slurm" / "1" / "job.sh").read_text()
    assert str(files[0].resolve()) in script
    # they are in the queue: not submitted twice
    assert submit(monkeypatch, *files, "--out", out) == 0
    assert "nothing to submit" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["carbonize", "status", str(out), "--json"])
    with pytest.raises(SystemExit):
        main()
    rows = json.loads(capsys.readouterr().out)["runs"]
    assert [(row["id"], row["state"], row["job"]["id"]) for row in rows] == [
        ("one", "queued", "12_0"), ("two", "running", "12_1"),
    ]  # fmt: skip
    assert submit(monkeypatch, files[0], files[0], "--out", out) == 2


def test_a_full_disk_is_said(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bin").mkdir()
    program(tmp_path / "bin" / "sbatch", "#!/bin/bash\necho 1\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")

    def over_quota(*_: object) -> None:
        raise OSError(122, "Disk quota exceeded")

    monkeypatch.setattr(os, "replace", over_quota)
    assert submit(monkeypatch, study) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "job.sh: cannot be written: Disk quota exceeded" in said
