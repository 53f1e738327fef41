"""Metadata of calls and of an execution, and live events beside it: python examples/logging/log_metadata.py.

Prints

    execution: customer acme, usage {'calls': 2, 'tokens': 120}
    ask: model small, tokens 70
    ask_2: model small, tokens 50
    progress: asking about tea, asking about milk
"""

import kitaru
from kitaru.events import CHECKPOINT_PROGRESS_KIND


@kitaru.checkpoint(type="llm_call")
def ask(topic: str, tokens: int) -> int:
    """Spend some tokens; what is logged here is the call's."""
    kitaru.progress(f"asking about {topic}")
    kitaru.log(model="small", tokens=tokens)
    return tokens


@kitaru.flow
def survey(customer: str) -> int:
    """Ask twice; what is logged here is the execution's. A mapping is merged, anything else replaced."""
    kitaru.log(customer=customer, usage={"calls": 2})
    total = ask("tea", 70) + ask("milk", 50)
    kitaru.log(usage={"tokens": total})
    return total


def main() -> None:
    """Run it, and read what it logged."""
    handle = survey.run("acme", cache=False)
    handle.wait()
    executions = kitaru.KitaruClient().executions
    execution = executions.get(handle.exec_id)
    print(f"execution: customer {execution.metadata['customer']}, usage {execution.metadata['usage']}")
    for call in execution.checkpoints:
        print(f"{call.call_id}: model {call.metadata['model']}, tokens {call.metadata['tokens']}")
    events = executions.events(handle.exec_id, kinds=[CHECKPOINT_PROGRESS_KIND])
    print(f"progress: {', '.join(str(event.payload['message']) for event in events)}")


if __name__ == "__main__":
    main()
