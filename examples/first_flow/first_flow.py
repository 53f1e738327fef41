"""A flow of two checkpoints: python examples/first_flow/first_flow.py.

Prints `2 words, 13 letters`.
"""

import kitaru


@kitaru.checkpoint
def read(text: str) -> list[str]:
    """Split a text into words."""
    return text.split()


@kitaru.checkpoint
def count(words: list[str]) -> int:
    """Count the letters."""
    return sum(len(word) for word in words)


@kitaru.flow
def statistics(text: str) -> str:
    """Say how long a text is."""
    words = read(text)
    letters = count(words)
    return f"{len(words)} words, {letters} letters"


if __name__ == "__main__":
    print(statistics.run("durable Python").wait())
