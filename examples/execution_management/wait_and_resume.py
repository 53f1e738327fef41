"""A flow that asks a person, and goes on with the answer: python examples/execution_management/wait_and_resume.py.

On a terminal, type `y` or `n` where the question stands. Anywhere else (a pipe, CI) the script prints the commands that
answer from a second terminal, and waits. They work from any process: kill this one and answer then, and a process of
its own goes on. The last line is `PUBLISHED: durable agents` after a yes, `REJECTED: durable agents` after a no.
"""

import shlex
import sys

import kitaru


@kitaru.flow
def publish_flow(topic: str) -> str:
    """Ask whether a topic is to be published."""
    approved = kitaru.wait(
        schema=bool,
        name="approve_publish",
        question=f"Approve publishing {topic}?",
        metadata={"topic": topic},
    )
    if not approved:
        return f"REJECTED: {topic}"
    return f"PUBLISHED: {topic}"


def command(call: str) -> str:
    """Return a line for a shell that makes one call of `KitaruClient().executions`."""
    return shlex.join([sys.executable, "-c", f"import kitaru; kitaru.KitaruClient().executions.{call}"])


def main() -> None:
    """Start it, say how to answer from elsewhere if nobody sits here, and wait."""
    handle = publish_flow.run("durable agents")
    print(f"execution {handle.exec_id}", flush=True)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        answer = f"input({handle.exec_id!r}, wait='approve_publish', value=True)"
        print("Answer it, and go on with it if it does not by itself:", flush=True)
        print(f"  {command(answer)}", flush=True)
        print(f"  {command(f'resume({handle.exec_id!r})')}", flush=True)
    print(handle.wait())


if __name__ == "__main__":
    main()
