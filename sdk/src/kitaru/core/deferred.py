"""Pydantic's validators, built when they are first used: a program that imports Kitaru needs few of them."""

from __future__ import annotations

from typing import Final

from pydantic import ConfigDict

DEFERRED: Final = ConfigDict(defer_build=True)
