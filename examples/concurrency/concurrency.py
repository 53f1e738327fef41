"""Checkpoints that run side by side: python concurrency.py.

Prints `oslo 4, paris 5, rome 4`, in the order of submission, whatever finishes first.
"""

import time

import kitaru

CITIES = ("oslo", "paris", "rome")


@kitaru.checkpoint
def measure(city: str) -> int:
    """Measure the name; the shorter it is, the longer it takes."""
    time.sleep(0.3 / len(city))
    return len(city)


@kitaru.flow
def survey() -> str:
    """Measure all cities at once."""
    futures = [measure.submit(city) for city in CITIES]
    return ", ".join(f"{city} {future.result()}" for city, future in zip(CITIES, futures, strict=True))


if __name__ == "__main__":
    print(survey.run().wait())
