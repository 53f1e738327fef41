"""User code forks: a child has none of its parent's executions, and the parent goes on."""

import pytest

from kitaru.client import ExecutionStatus, KitaruClient
from tests.integration.local.programs import HELPERS, Place

FLOWS = f"""{HELPERS}
import multiprocessing, sys, threading
from concurrent.futures import ProcessPoolExecutor

context = multiprocessing.get_context("fork")

@kitaru.checkpoint(cache=False)
def pool():
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        return list(executor.map(abs, [-1, 2]))

@kitaru.checkpoint(cache=False)
def process():
    child = context.Process(target=leave, args=("child",))
    child.start()
    child.join(20)
    return child.exitcode

@kitaru.checkpoint(cache=False)
def fork():
    child = os.fork()
    if child == 0:
        sys.exit()
    return os.waitpid(child, 0)[0] == child

@kitaru.checkpoint(cache=False)
def after(value):
    leave("after")
    return value

@kitaru.flow
def forking(kind: str):
    return after({{"pool": pool, "process": process, "fork": fork}}[kind]())

@kitaru.checkpoint(cache=False)
def count(number):
    return number

@kitaru.flow
def busy(name: str):
    number = 0
    while not Path(f"allowed-{{name}}").exists():
        number = count(number + 1)
    return number
"""
RUN = "import sys, flows; print(flows.forking.run(sys.argv[1]).wait())"


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        pytest.param("pool", "[1, 2]", id="process-pool"),
        pytest.param("process", "0", id="process"),
        pytest.param("fork", "True", id="os-fork"),
    ],
)
def test_a_checkpoint_may_fork(place: Place, kind: str, result: str) -> None:
    """Children end, wait for no execution, and do not go on with the flow as its second runner."""
    place.has(FLOWS)
    assert place.run(RUN, kind) == result
    assert place.effects("after") == 1


def test_calls_side_by_side_may_fork(place: Place) -> None:
    """Also when the other threads of the same execution begin and end calls all the time."""
    place.has(
        f"""{FLOWS}
@kitaru.flow
def side_by_side():
    forks = [fork.submit() for _ in range(8)]
    steps = [count.submit(number) for number in range(100)]
    pools = [pool.submit() for _ in range(2)]
    return [one.result() for one in forks], sum(one.result() for one in steps), [one.result() for one in pools]
"""
    )
    printed = place.run("import flows; print(*flows.side_by_side.run().wait(), sep='|')")
    assert printed == "[True, True, True, True, True, True, True, True]|4950|[[1, 2], [1, 2]]"


@pytest.mark.parametrize("kind", ["pool", "fork"])
def test_a_checkpoint_may_fork_while_others_commit(place: Place, kind: str) -> None:
    """Whatever lock another thread holds at the fork, a child has its own: twenty forks beside two busy flows."""
    place.has(FLOWS)
    program = f"""
import flows
from pathlib import Path
busy = [flows.busy.run("end") for _ in range(2)]
found = [flows.forking.run({kind!r}).wait() for _ in range(20)]
Path("allowed-end").touch()
assert all(one.wait() > 1 for one in busy)
print(len(found))
"""
    assert place.run(program) == "20"
    assert place.effects("after") == 20


def test_a_program_may_fork_while_a_flow_runs(place: Place) -> None:
    """The child's exit waits for nothing that runs in its parent, and closes nothing of its."""
    place.has(FLOWS)
    program = """
import os, sys, flows
from pathlib import Path
handle = flows.busy.run("end")
for _ in range(20):
    child = os.fork()
    if child == 0:
        sys.exit()
    assert os.waitpid(child, 0)[1] == 0
Path("allowed-end").touch()
print(handle.wait() > 1)
"""
    assert place.run(program) == "True"


def test_a_child_is_a_process_like_any_other(place: Place, client: KitaruClient) -> None:
    """It starts executions of its own, and sees those of its parent as another process's."""
    place.has(FLOWS)
    program = """
import os, sys, flows, kitaru
from pathlib import Path
executions = kitaru.KitaruClient().executions
handle = flows.busy.run("end")
child = os.fork()
if child == 0:
    print(flows.forking.run("fork").wait(), executions.get(handle.exec_id).status, flush=True)
    print(flows.forking.run("fork").exec_id, flush=True)
    sys.exit()
assert os.waitpid(child, 0)[1] == 0
Path("allowed-end").touch()
assert handle.wait() > 1
"""
    first, exec_id = place.run(program).splitlines()
    assert first == "True running"
    assert client.executions.handle(exec_id).get() is True


def test_a_child_that_outlives_its_parent_holds_nothing(place: Place, client: KitaruClient) -> None:
    """Its parent's execution goes on elsewhere, and the store is written as if the child were not there."""
    place.has(FLOWS)
    program = """
import os, sys, flows, time
from pathlib import Path
handle = flows.busy.run("end")
if os.fork() == 0:
    os.close(1)
    os.close(2)
    end = time.monotonic() + 60
    while not Path("allowed-child").exists() and time.monotonic() < end:
        time.sleep(0.05)
    os._exit(0)
print(handle.exec_id, flush=True)
os.kill(os.getpid(), 9)
"""
    with place.start(program) as process:
        printed, _ = process.communicate(timeout=30)
    exec_id = printed.strip()
    assert client.executions.get(exec_id).status is ExecutionStatus.FAILED
    place.allow("end")
    client.executions.retry(exec_id)
    assert client.executions.handle(exec_id).wait() is not None
    place.allow("child")


@pytest.mark.parametrize(
    ("end", "code"),
    [
        pytest.param("return 1", 0, id="returns"),
        pytest.param("sys.exit()", 0, id="exits"),
        pytest.param("sys.exit(7)", 7, id="exits-with-a-code"),
        pytest.param("sys.exit('no')", 1, id="exits-with-a-text"),
        pytest.param("raise ValueError('no')", 1, id="raises"),
    ],
)
@pytest.mark.parametrize("where", ["checkpoint", "submitted", "body", "async"])
def test_a_child_ends_where_its_code_comes_back(place: Place, where: str, end: str, code: int) -> None:
    """With the exit code that Python gives, from a pool's thread, an event loop and a flow's body too."""
    place.has(
        f"""{HELPERS}
import sys

def forked():
    child = os.fork()
    if child == 0:
        {end}
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

@kitaru.checkpoint(cache=False, retries=1)
def forks():
    return forked()

@kitaru.checkpoint(cache=False, retries=1)
async def forks_async():
    return forked()

@kitaru.checkpoint(cache=False)
def after(value):
    leave("after")
    return value

@kitaru.flow
def checkpoint():
    return after(forks())

@kitaru.flow
def submitted():
    return after(forks.submit().result())

@kitaru.flow
def body():
    return after(forked())

@kitaru.flow
async def async_():
    return after(await forks_async())
"""
    )
    name = "async_" if where == "async" else where
    assert place.run(f"import flows; print(flows.{name}.run().wait())") == str(code)
    assert place.effects("after") == 1
