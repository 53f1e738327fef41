"""The program on LangGraph: a graph whose node follows itself, with the SQLite saver and synchronous FULL.

Durability "sync" has the checkpoint after each node written before the next begins; the overhead is the time between
two nodes. (A task of its functional API returns before its write is made, so it is no durable step.)
"""

import itertools
import sqlite3
import time
from typing import TypedDict

import bare
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

folder, steps, flows = bare.told()
database = sqlite3.connect(folder / "langgraph.sqlite", check_same_thread=False)
database.execute("PRAGMA journal_mode = WAL")
database.execute("PRAGMA synchronous = FULL")
commit = bare.opened(folder)
threads = itertools.count()
seconds: dict[str, list[float]] = {"step": [], "bare": []}
left: list[float] = []


class State(TypedDict):
    """What the graph carries."""

    done: int
    count: int


def add_one(state: State) -> dict[str, int]:
    """Do next to nothing; the bare commit is taken outside of what is measured."""
    began = time.perf_counter()
    if left:
        seconds["step"].append(began - left.pop())
    commit(state["done"])
    ended = time.perf_counter()
    seconds["bare"].append(ended - began)
    left.append(ended)
    return {"done": state["done"] + 1}


def following(state: State) -> str:
    """Go on until the count is reached."""
    return "add_one" if state["done"] < state["count"] else END


graph = StateGraph(State)
graph.add_node("add_one", add_one)
graph.add_edge(START, "add_one")
graph.add_conditional_edges("add_one", following)
compiled = graph.compile(checkpointer=SqliteSaver(database))


def run(count: int) -> None:
    """Run the graph under a thread id of its own."""
    config = {"configurable": {"thread_id": str(next(threads))}, "recursion_limit": count + 10}
    compiled.invoke({"done": 0, "count": count}, config, durability="sync")
    left.clear()


run(10)
seconds.update(step=[], bare=[])
run(steps)
measured = {**seconds, "empty": []}
empty = StateGraph(State)
empty.add_node("nothing", lambda _: {})
empty.add_edge(START, "nothing")
compiled = empty.compile(checkpointer=SqliteSaver(database))
measured["empty"] = bare.each(lambda: run(1), flows)
bare.tell(measured)
