"""The flows by which the Executions port is tried, on each stack."""

from pydantic import BaseModel

from kitaru import checkpoint, flow, wait


class Approval(BaseModel):
    """What is asked for."""

    approved: bool


@checkpoint
def work(topic: str) -> str:
    """Finish at once."""
    return topic.upper()


@checkpoint
def refuse() -> str:
    """Never succeed."""
    message = "seven is not eight"
    raise ArithmeticError(message)


@flow
def contract_echo(topic: str) -> str:
    """Return."""
    return work(topic)


@flow
def contract_asks(topic: str) -> str:
    """Ask, and return when the answer is there."""
    done = work(topic)
    return done if wait(schema=Approval, name="approve", timeout=0).approved else "no"


@flow
def contract_fails() -> str:
    """Raise."""
    return refuse()
