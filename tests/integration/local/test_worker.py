"""A process without the flow has a worker go on, with the code as it lies on disk."""

import json
import shlex
import subprocess
import sys
from datetime import timedelta

import pytest

from kitaru.backends.clock import SystemClock
from kitaru.backends.sqlite import SqliteStore
from kitaru.client import ExecutionStatus, KitaruClient
from kitaru.errors import FailureOrigin, KitaruStateError, KitaruUserCodeError
from tests.integration.local.programs import HELPERS, PATIENCE, Place, until

FLOWS = f"""{HELPERS}
from dataclasses import dataclass
from datetime import timedelta

@dataclass
class Note:
    text: str

@kitaru.checkpoint
def prepare():
    leave("prepare")
    return Note("draft")

@kitaru.flow
def publish(seconds: float = 0):
    note = prepare()
    limit = {{"deadline": timedelta(seconds=seconds), "default": "nobody"}} if seconds else {{}}
    answer = kitaru.wait(schema=str, name="who", timeout=0, **limit)
    print("the worker prints this")
    return f"{{note.text}} by {{answer}}"
"""
MAIN = """
handle = publish.run()
leave("main")
print(handle.exec_id, flush=True)
"""
GUARDED = f"""{FLOWS}
if __name__ == "__main__":
    leave("main")
    print(publish.run().exec_id, flush=True)
"""
START = "import flows; print(flows.publish.run().exec_id)"


def _answered(client: KitaruClient, exec_id: str) -> object:
    assert client.executions.get(exec_id).status is ExecutionStatus.WAITING
    client.executions.input(exec_id, wait="who", value="Ada")
    return client.executions.handle(exec_id).wait()


def _log(place: Place, exec_id: str) -> str:
    return (place.config / "workers" / f"{exec_id}.log").read_text(encoding="utf-8")


def test_an_answer_without_the_flow_is_gone_on_with(place: Place, client: KitaruClient) -> None:
    """Nobody resumes; the finished call is reused, and what the worker prints is in its log (W7, W10)."""
    place.has(FLOWS)
    exec_id = place.run(START)
    assert _answered(client, exec_id) == "draft by Ada"
    assert place.effects("prepare") == 1
    assert "the worker prints this" in _log(place, exec_id)
    assert client.executions.resume(exec_id).status is ExecutionStatus.COMPLETED


def test_an_expiry_without_the_flow_is_gone_on_with(place: Place, client: KitaruClient) -> None:
    """Whoever waits for a parked execution notices its deadline, and has a worker go on with the default."""
    place.has(FLOWS)
    exec_id = place.run("import flows; print(flows.publish.run(seconds=0.5).exec_id)")
    assert client.executions.handle(exec_id).wait() == "draft by nobody"


@pytest.mark.parametrize("script", [GUARDED, FLOWS + MAIN], ids=["guarded", "bare"])
@pytest.mark.parametrize("module", [False, True], ids=["python-file", "python-m"])
def test_the_main_part_of_a_script_does_not_run_again(
    place: Place, client: KitaruClient, script: str, *, module: bool
) -> None:
    """A worker loads the script under another name, and no further than to where it starts an execution."""
    (place.folder / "package").mkdir()
    (place.folder / "package" / "report.py").write_text(script, encoding="utf-8")
    command = ["-m", "package.report"] if module else ["package/report.py"]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=place.folder,
        env=place.environment(),
        capture_output=True,
        check=True,
        text=True,
        timeout=PATIENCE,
    )
    exec_id = done.stdout.strip()
    assert _answered(client, exec_id) == "draft by Ada"
    assert (place.effects("main"), place.effects("prepare")) == (1, 1)
    assert client.executions.get(exec_id).source_changes == []


def test_a_file_that_no_path_leads_to_is_loaded_by_its_place(place: Place, client: KitaruClient) -> None:
    """As pytest imports tests: the module has a name, and no entry of sys.path finds it."""
    (place.folder / "hidden").mkdir()
    (place.folder / "hidden" / "agent.py").write_text(FLOWS, encoding="utf-8")
    program = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("some.agent", "hidden/agent.py")
module = sys.modules["some.agent"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(module.publish.run().exec_id)
"""
    assert _answered(client, place.run(program)) == "draft by Ada"


def test_changed_source_is_seen(place: Place, client: KitaruClient) -> None:
    """A worker goes on with the code that lies on disk; the snapshot names the attempt, and the log has an event."""
    place.has(FLOWS)
    exec_id = place.run(START)
    place.has(FLOWS.replace(" by {", " from {"))
    assert _answered(client, exec_id) == "draft from Ada"
    assert client.executions.get(exec_id).source_changes == [2]
    root = f"local/executions/{exec_id}/telemetry/"
    with SqliteStore(place.config) as store:
        lines = b"".join(store.get(one.key) or b"" for one in store.list(root))
    assert b"The source of publish was changed" in lines


def test_code_that_cannot_be_loaded_fails_the_execution(place: Place, client: KitaruClient) -> None:
    """The failure is the user's, says what went wrong, and a retry goes on once it is mended; the answer is kept."""
    place.has(FLOWS)
    exec_id = place.run(START)
    place.has("import nothing_of_this_name")
    with pytest.raises(KitaruUserCodeError, match="ModuleNotFoundError: No module named 'nothing_of_this_name'"):
        _answered(client, exec_id)
    place.has(FLOWS.replace("def publish", "def other"))
    client.executions.retry(exec_id)
    with pytest.raises(KitaruUserCodeError, match=r"flows:publish is not there any more"):
        client.executions.handle(exec_id).wait()
    place.has(FLOWS)
    client.executions.retry(exec_id)
    assert client.executions.handle(exec_id).wait() == "draft by Ada"
    assert place.effects("prepare") == 1


HELD = f"""{HELPERS}
@kitaru.checkpoint
def first():
    leave("first")
    return 1

@kitaru.flow
def held():
    value = first()
    leave("begun")
    hold("go")
    return value + 1
"""


def _died(place: Place) -> str:
    place.has(HELD)
    with place.start("import flows; print(flows.held.run().exec_id, flush=True)") as process:
        assert process.stdout is not None
        exec_id = process.stdout.readline().strip()
        until(lambda: place.effects("begun"), "the body to stand")
        process.kill()
    return exec_id


@pytest.mark.parametrize("verb", ["retry", "resume"])
def test_an_execution_whose_process_died_goes_on(place: Place, client: KitaruClient, verb: str) -> None:
    """It shows failed, origin runtime; retry and resume go on with it, in a worker, as running from then on."""
    exec_id = _died(place)
    died = client.executions.get(exec_id)
    assert died.failure is not None
    assert (died.status, died.failure.origin) == (ExecutionStatus.FAILED, FailureOrigin.RUNTIME)
    assert getattr(client.executions, verb)(exec_id).status is ExecutionStatus.RUNNING
    with pytest.raises(KitaruStateError, match="is running: only one that is failed"):
        client.executions.retry(exec_id)
    assert client.executions.resume(exec_id).status is ExecutionStatus.RUNNING
    place.allow("go")
    assert client.executions.handle(exec_id).wait() == 2
    assert place.effects("first") == 1


def test_a_worker_is_cancelled_like_any_process(place: Place, client: KitaruClient) -> None:
    """Its execution ends at once, and the process soon after, whatever its code does."""
    exec_id = _died(place)
    client.executions.retry(exec_id)
    until(lambda: place.effects("begun") == 2, "the worker to reach the body's end")
    assert client.executions.cancel(exec_id).status is ExecutionStatus.CANCELLED
    place.allow("go")
    until(lambda: _processes(exec_id) == [], "the worker to end")
    assert client.executions.get(exec_id).status is ExecutionStatus.CANCELLED


def _processes(exec_id: str) -> list[str]:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, check=True, text=True, timeout=PATIENCE)
    return [line for line in listed.stdout.splitlines() if "kitaru.worker" in line and exec_id in line]


def test_of_several_workers_one_goes_on(place: Place, client: KitaruClient) -> None:
    """Ten processes that answer nothing but want to go on have one attempt made; the losers leave quietly."""
    exec_id = _died(place)
    command = [sys.executable, "-P", "-m", "kitaru.worker", str(place.config), exec_id]
    workers = [subprocess.Popen(command, cwd=place.folder, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    until(lambda: sum(one.poll() is not None for one in workers) == 3, "three of four to leave")
    place.allow("go")
    said = sorted(one.communicate(timeout=PATIENCE)[0].strip() for one in workers)
    assert said == ["busy", "busy", "busy", "running"]
    assert [one.returncode for one in workers] == [0, 0, 0, 0]
    assert client.executions.handle(exec_id).get() == 2
    assert client.executions.get(exec_id).attempt == 2


def _frozen(place: Place, exec_id: str, **launch: object) -> None:
    """Change what the store says about how the execution was started."""
    key = f"local/executions/{exec_id}/spec.json"
    with SqliteStore(place.config) as store:
        body = store.get(key)
        assert body is not None
        spec = json.loads(body)
        spec["launch"].update(launch)
        store.put(key, json.dumps(spec).encode())


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        pytest.param(
            {"interpreter": "/nowhere/python"}, r"its Python /nowhere/python is gone.* `cd .*python -P", id="python"
        ),
        pytest.param(
            {"folder": "/nowhere/at/all"}, r"folder in which it was started, /nowhere/at/all, is gone", id="folder"
        ),
        pytest.param(
            {"module": None, "script": "/nowhere/a.py"}, r"file /nowhere/a.py is gone: restore it", id="script"
        ),
        pytest.param({"module": None}, r"defined where no file is .*executions\.retry", id="notebook"),
    ],
)
def test_what_is_missing_is_named_with_the_command(
    place: Place, client: KitaruClient, gone: dict[str, object], told: str
) -> None:
    """Retry says what another process lacks, and what to run; the execution stays as it is."""
    exec_id = _died(place)
    _frozen(place, exec_id, **gone)
    with pytest.raises(KitaruStateError, match=told):
        client.executions.retry(exec_id)
    assert client.executions.get(exec_id).attempt == 1


def test_the_command_goes_on(place: Place, client: KitaruClient) -> None:
    """What an error tells a person to run does go on with the execution."""
    exec_id = _died(place)
    place.allow("go")
    (place.folder / "flows.py").rename(place.folder / "kept.py")
    _frozen(place, exec_id, module=None, script=str(place.folder / "flows.py"))
    with pytest.raises(KitaruStateError, match="restore it, and run") as caught:
        client.executions.retry(exec_id)
    command = str(caught.value).split("`")[1]
    assert shlex.split(command)[:2] == ["cd", str(place.folder)]
    (place.folder / "kept.py").rename(place.folder / "flows.py")
    subprocess.run(["sh", "-c", command], check=True, capture_output=True, timeout=PATIENCE)
    assert client.executions.handle(exec_id).get() == 2


def test_an_answer_is_kept_where_nobody_can_go_on(place: Place, client: KitaruClient) -> None:
    """A flow without a file: the answer is taken, and goes on where the flow is defined again."""
    program = f"{FLOWS}\nimport sys\nprint(publish.run().exec_id if len(sys.argv) < 2 else publish.definition.name)"
    exec_id = place.run(program)
    client.executions.input(exec_id, wait="who", value="Ada")
    assert client.executions.get(exec_id).status is ExecutionStatus.WAITING
    with pytest.raises(KitaruStateError, match="defined where no file is"):
        client.executions.handle(exec_id).wait()
    again = f"{program}\nkitaru.KitaruClient().executions.resume(sys.argv[1])"
    place.run(again, exec_id)
    assert client.executions.handle(exec_id).get() == "draft by Ada"


def test_a_died_worker_is_no_loop(place: Place, client: KitaruClient) -> None:
    """When the code ends the worker's process as it is loaded, whoever waits is told, and starts no second one."""
    place.has(FLOWS)
    exec_id = place.run(START)
    place.has("import os\nos._exit(3)")
    client.executions.input(exec_id, wait="who", value="Ada")
    began = SystemClock().now()
    with pytest.raises(KitaruStateError, match="ended before it began"):
        client.executions.handle(exec_id).wait()
    assert SystemClock().now() - began < timedelta(seconds=PATIENCE)
