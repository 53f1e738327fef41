"""Settings from the project, the decorator and one call: python examples/configuration/configuration.py.

Prints `2 tries of 3, cache off, image agents:2 with PORT 8080 and API_KEY ***`.
"""

import kitaru
from kitaru.config import FrozenExecutionSpec

#: The failures of the first tries.
FAILURES = ["no network"]


@kitaru.checkpoint
def call_home() -> str:
    """Fail once, as a network does."""
    if FAILURES:
        raise ConnectionError(FAILURES.pop())
    return "home"


@kitaru.flow(retries=1, image={"base_image": "agents:1", "environment": {"API_KEY": "never shown", "PORT": "80"}})
def careful() -> str:
    """Be tried again as often as the settings say."""
    return call_home()


def main() -> None:
    """Say some things for the process and others for one execution, and read what came of it."""
    kitaru.configure(cache=False, retries=7)
    handle = careful.run(retries=2, image={"base_image": "agents:2", "environment": {"PORT": "8080"}})
    handle.wait()
    execution = kitaru.KitaruClient().executions.get(handle.exec_id)
    tries = len(execution.checkpoints[0].attempts)
    match execution.frozen_execution_spec:
        case FrozenExecutionSpec(resolved_execution=resolved) if resolved.image is not None:
            image, variables = resolved.image.base_image, resolved.image.environment or {}
        case spec:
            raise SystemExit(str(spec))
    print(
        f"{tries} tries of {1 + resolved.retries}, cache {'on' if resolved.cache else 'off'}, image {image} "
        f"with PORT {variables['PORT']} and API_KEY {variables['API_KEY']}"
    )


if __name__ == "__main__":
    main()
