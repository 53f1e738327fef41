"""Secrets in settings: what is shown and kept of them is `***`.

Names decide, as in the frozen execution spec of programs that know the older Kitaru, and what URLs say of users.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

MASK: Final = "***"
#: A variable whose name contains one of these is taken for a secret.
SECRET_WORDS: Final = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "AUTH")

#: The part of a URL before the host: `user:password@`.
_PASSWORD: Final = re.compile(r"(?P<start>\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)")
#: A token that stands in the user's place; `git@` of ssh is none.
_TOKEN: Final = re.compile(r"(?P<start>\b(?:[A-Za-z0-9.-]+\+)?https?://)[^\s/:@]+(?=@)")


def is_secret(name: str) -> bool:
    """Whether a variable of this name is taken for a secret."""
    return any(word in name.upper() for word in SECRET_WORDS)


def masked(value: JsonValue) -> JsonValue:
    """Return the value with passwords and tokens of URLs masked, in all its text."""
    match value:
        case str():
            return _TOKEN.sub(rf"\g<start>{MASK}", _PASSWORD.sub(rf"\g<start>{MASK}", value))
        case list():
            return [masked(one) for one in value]
        case dict():
            return {name: masked(one) for name, one in value.items()}
        case _:
            return value


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with the values of those masked that are taken for secrets, and URLs in all others."""
    return {name: MASK if is_secret(name) else str(masked(value)) for name, value in variables.items()}
