"""The job script of an array: one run a task, which goes on by itself after a signal."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from typing import NamedTuple

from carbonize.config.cluster import ClusterConfig

__all__ = ["Task", "render_script"]


class Task(NamedTuple):
    """One run: protocol file and run folder, relative to where the job is submitted, or absolute."""

    protocol: str
    folder: str


# Bash keeps a trap waiting while a foreground command runs, so carbonize runs in the background.
# An array's last task has the number of the whole array as its job id: requeueing by that would
# requeue all of them.
_BODY = r"""
protocol=${protocols[$SLURM_ARRAY_TASK_ID]}
folder=${folders[$SLURM_ARRAY_TASK_ID]}
record=$here/$SLURM_ARRAY_TASK_ID
task=${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}

note() {  # STATE EXIT_CODE MESSAGE: for carbonize status
  printf '{"job": "%s", "state": "%s", "code": %s, "message": "%s", "restarts": %s, "host": "%s", "time": "%s"}\n' \
    "$task" "$1" "$2" "$3" "${SLURM_RESTART_COUNT:-0}" "$(hostname)" "$(date -u +%Y-%m-%dT%H:%M:%S+00:00)" \
    > "$record.tmp" && mv "$record.tmp" "$record.json"
}
newest() { ls "$folder/checkpoint" 2>/dev/null | sort | tail -n 1; }

# USR1 comes from the time limit, or by hand: make a checkpoint and queue again. TERM comes from
# preemption, after which Slurm itself queues again, or from scancel: make a checkpoint and end.
child=
asked=
usr1() { asked=yes; if [ -n "$child" ]; then kill -USR1 "$child" 2>/dev/null; fi; }
term() { if [ -n "$child" ]; then kill -TERM "$child" 2>/dev/null; fi; }
trap usr1 USR1
trap term TERM INT

note running null ""
before=$(newest)
echo "carbonize: task $task, start $((${SLURM_RESTART_COUNT:-0} + 1)), $folder"
@COMMAND@ run "$protocol" --out "$folder"@OPTIONS@ &
child=$!
if [ -n "$asked" ]; then usr1; fi
while :; do
  wait "$child"
  code=$?
  # above 128: wait was cut short by a signal, or the program died of one
  if [ "$code" -le 128 ] || ! kill -0 "$child" 2>/dev/null; then break; fi
done
if [ "$code" -gt 128 ]; then
  wait "$child"
  code=$?
fi
child=
# died of the signal before it listened: there was nothing to save yet
if [ -n "$asked" ] && [ "$code" -eq $((128 + $(kill -l USR1))) ]; then code=75; fi

if [ "$code" -eq 75 ] && [ -n "$asked" ]; then
  stalls=0
  if [ "$(newest)" = "$before" ]; then
    stalls=$(($(cat "$record.stalls" 2>/dev/null || echo 0) + 1))
  fi
  echo "$stalls" > "$record.stalls"
  if [ "$stalls" -ge @MOST_STALLS@ ]; then
    message="no step of progress in $stalls starts in a row; give the job more time"
    echo "carbonize: error: $message" >&2
    note ended 1 "$message"
    exit 1
  fi
  note requeued 75 ""
  if scontrol requeue "$task"; then
    exit 75
  fi
  echo "carbonize: error: Slurm did not take the job back; carbonize submit goes on with the run" >&2
fi
note ended "$code" ""
exit "$code"
"""


def render_script(
    tasks: Sequence[Task], cluster: ClusterConfig, name: str, here: str, report: bool = True
) -> str:
    """The job script.

    Parameters
    ----------
    tasks
        The runs, in the order of the array.
    cluster
        What each job asks for.
    name
        Of the job.
    here
        Folder for logs and records, relative to where the script is submitted; letters, digits and slashes.
    report
        Whether runs write their report.html.
    """
    lines = [
        "#!/bin/bash",
        *(f"#SBATCH {option}" for option in _options(len(tasks), cluster, name, here)),
        "",
    ]
    lines += [f"here={shlex.quote(here)}"]
    lines += ["protocols=(", *(f"  {shlex.quote(t.protocol)}" for t in tasks), ")"]
    lines += ["folders=(", *(f"  {shlex.quote(t.folder)}" for t in tasks), ")", ""]
    if cluster.modules:
        lines.append(f"module load {' '.join(shlex.quote(m) for m in cluster.modules)}")
    lines += [f"export {key}={shlex.quote(value)}" for key, value in cluster.environment.items()]
    lines += cluster.setup
    body = _BODY.replace("@COMMAND@", _command(cluster)).replace("@MOST_STALLS@", str(cluster.most_stalls))
    return "\n".join(lines) + body.replace("@OPTIONS@", "" if report else " --no-report")


def _options(count: int, cluster: ClusterConfig, name: str, here: str) -> list[str]:
    limit = f"%{cluster.max_running}" if cluster.max_running is not None else ""
    asked = {
        "account": cluster.account,
        "partition": cluster.partition,
        "qos": cluster.qos,
        "constraint": cluster.constraint,
        "time": cluster.time,
        "mem": cluster.memory,
        "gpus": cluster.gpus or None,
    }
    return [
        f"--job-name={re.sub(r'[^A-Za-z0-9_.-]', '_', name)[:60]}",
        f"--array=0-{count - 1}{limit}",
        f"--output={here}/%a.log",
        "--open-mode=append",
        "--requeue",
        f"--signal=B:USR1@{cluster.signal_s}",
        "--nodes=1",
        "--ntasks=1",
        f"--cpus-per-task={cluster.cpus}",
        *(f"--{key}={value}" for key, value in asked.items() if value is not None),
        *cluster.options,
    ]


def _command(cluster: ClusterConfig) -> str:
    if cluster.container is not None:
        return f"{cluster.container.command} {shlex.quote(cluster.container.image)} {cluster.command or 'carbonize'}"
    return cluster.command or f"{shlex.quote(sys.executable)} -m carbonize"
