"""What the tests of stores call a client."""

from collections.abc import Callable
from typing import TypeAlias

from kitaru.backends.s3 import S3Settings
from kitaru.ports import ObjectStore

#: Connects to a bucket with the client that the test runs on.
Connect: TypeAlias = Callable[[S3Settings], ObjectStore]
