"""Go on with an execution whose process died, without repeating what it finished: python go_on.py ID."""

import sys

# On the local stack the process that retries runs the flow, so it loads it.
from agents import research

import kitaru

if __name__ == "__main__":
    executions = kitaru.KitaruClient().executions
    execution = executions.retry(sys.argv[1])
    print(f"{research.__name__} goes on with {execution.exec_id}", flush=True)
    print(executions.handle(execution.exec_id).wait())
