"""Checkpoints that run side by side: python examples/concurrency/concurrency.py.

Prints `oslo 4, paris 5, rome 4; longest of 6 pairs: paris-paris`, whatever finishes first.
"""

import time

import kitaru

CITIES = ["oslo", "paris", "rome"]


@kitaru.checkpoint
def measure(city: str) -> int:
    """Measure the name; the shorter it is, the longer it takes."""
    time.sleep(0.3 / len(city))
    return len(city)


@kitaru.checkpoint
def join(start: str, end: str) -> str:
    """Make one word of two."""
    return f"{start}-{end}"


@kitaru.checkpoint(runtime="isolated")
def longest(words: list[str]) -> str:
    """Find the longest word, the first of several, in a process of its own."""
    return max(words, key=len)


@kitaru.flow
def survey() -> str:
    """Measure all cities at once, and join each of them with two of them."""
    lengths = [measure.submit(city) for city in CITIES]
    pairs = join.product(CITIES, CITIES[1:])
    # Futures may be arguments, alone or in lists; `after` waits for others, whose results are not needed.
    found = longest.submit(list(pairs), after=lengths)
    told = ", ".join(f"{city} {length.result()}" for city, length in zip(CITIES, lengths, strict=True))
    return f"{told}; longest of {len(pairs)} pairs: {found.result()}"


if __name__ == "__main__":
    print(survey.run().wait())
