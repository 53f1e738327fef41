"""The contract of the ObjectStore port: what each backend promises to whoever builds on it."""

import pytest

from kitaru.ports import ObjectInfo, ObjectStore

BODIES = [
    pytest.param(b"", id="empty"),
    pytest.param(b"plain", id="text"),
    pytest.param(bytes(range(256)) + b"\r\n\x00", id="binary"),
    pytest.param(b"x" * (64 * 1024), id="64KiB"),
    pytest.param(b"x" * (64 * 1024 + 1), id="64KiB+1"),
    pytest.param(bytes(5 * 1024 * 1024 + 1), id="5MiB+1"),
]
KEYS = [
    pytest.param("a", id="one-letter"),
    pytest.param("team/executions/0f/log/000000000012", id="slot"),
    pytest.param("answers/approve_2", id="underscore"),
    pytest.param("answers/_.-a", id="signs"),
    pytest.param("answers/Approve.Draft-2.1", id="dots"),
    pytest.param("answers/a..b", id="two-dots"),
    pytest.param(f"answers/{'w' * 200}", id="long"),
]


@pytest.mark.parametrize("body", BODIES)
def test_what_was_put_is_read_back(store: ObjectStore, body: bytes) -> None:
    """`get` returns exactly the bytes that `put` was given."""
    store.put("a/b", body)
    assert store.get("a/b") == body


@pytest.mark.parametrize("body", BODIES)
def test_what_was_created_is_read_back(store: ObjectStore, body: bytes) -> None:
    """`get` returns exactly the bytes that `create` was given."""
    assert store.create("a/b", body) is True
    assert store.get("a/b") == body


@pytest.mark.parametrize("key", KEYS)
def test_keys_are_kept_as_they_are(store: ObjectStore, key: str) -> None:
    """Every character that a name may have may stand in a key, for every operation."""
    assert store.create(key, b"1")
    assert store.get(key) == b"1"
    assert [found.key for found in store.list(key)] == [key]
    store.delete(key)
    assert store.get(key) is None


def test_a_missing_object_is_none(store: ObjectStore) -> None:
    """`get` and `head` return None for a key that was never written, also beside one that was."""
    store.put("log/1", b"")
    assert [store.get("log/2"), store.head("log/2"), store.get("nowhere/at/all")] == [None] * 3


def test_put_replaces_content_and_metadata(store: ObjectStore) -> None:
    """The last `put` wins whole: nothing of the former object is left."""
    store.put("a", bytes(100_000), {"codec": "pickle"})
    store.put("a", b"new")
    assert store.get("a") == b"new"
    assert store.head("a") == ObjectInfo(key="a", size=3)


def test_create_leaves_what_is_there(store: ObjectStore) -> None:
    """A refused `create` says False and changes nothing (rule 1 of the journal protocol)."""
    assert store.create("a", b"first", {"writer": "1"}) is True
    assert store.create("a", b"second, and longer", {"writer": "2"}) is False
    assert store.create("a", b"first") is False
    assert store.get("a") == b"first"
    assert store.head("a") == ObjectInfo(key="a", size=5, metadata={"writer": "1"})


def test_create_after_put_is_refused(store: ObjectStore) -> None:
    """`create` looks at the object, not at how it came to be."""
    store.put("a", b"put")
    assert store.create("a", b"created") is False
    assert store.get("a") == b"put"


def test_a_deleted_key_is_free(store: ObjectStore) -> None:
    """After `delete` the key is as if it had never been written."""
    store.put("a", bytes(100_000))
    store.delete("a")
    assert (store.get("a"), store.head("a"), list(store.list(""))) == (None, None, [])
    assert store.create("a", b"again") is True


def test_deleting_a_missing_object_is_no_error(store: ObjectStore) -> None:
    """`delete` may be sent twice."""
    store.delete("never/written")
    store.put("a", b"")
    store.delete("a")
    store.delete("a")


@pytest.mark.parametrize("size", [2, 5 * 1024 * 1024 + 1], ids=["small", "large"])
def test_metadata_comes_back(store: ObjectStore, size: int) -> None:
    """Metadata survives as it was given, its keys in lower case; any text may be a value."""
    metadata = {
        "codec": "json",
        "type": "builtins.dict",
        "python-version": "3.11.7",
        "Owner": "Zoë, 100% / 'her' \"draft\"",
        "empty": "",
        "lines": " first\nsecond ",
    }
    expected = {key.lower(): value for key, value in metadata.items()}
    store.put("put", bytes(size), metadata)
    store.create("created", bytes(size), metadata)
    assert store.head("put") == ObjectInfo(key="put", size=size, metadata=expected)
    assert store.head("created") == ObjectInfo(key="created", size=size, metadata=expected)


def test_a_prefix_is_a_text_not_a_folder(store: ObjectStore) -> None:
    """`list` gives the keys that begin with the prefix, wherever its end lies in a segment."""
    for key in ("a/1", "a/10", "a/2", "ab/1", "b", "telemetry/0001-1", "telemetry/0002-1"):
        store.put(key, b"")
    listed = {
        prefix: [found.key for found in store.list(prefix)]
        for prefix in ("a/1", "a/", "a", "telemetry/0001-", "c", "b")
    }
    assert listed == {
        "a/1": ["a/1", "a/10"],
        "a/": ["a/1", "a/10", "a/2"],
        "a": ["a/1", "a/10", "a/2", "ab/1"],
        "telemetry/0001-": ["telemetry/0001-1"],
        "c": [],
        "b": ["b"],
    }


def test_a_listing_is_in_the_order_of_the_keys(store: ObjectStore) -> None:
    """`list` orders by the bytes of the keys, folders or not, and tells each object's size."""
    keys = ["a-b", "a.b", "a/2", "a/b/c", "a0", "aB", "a_b", "ab"]
    for size, key in enumerate(reversed(keys)):
        store.put(key, bytes(size), {"codec": "json"})
    expected = [ObjectInfo(key=key, size=7 - place) for place, key in enumerate(keys)]
    assert list(store.list("a")) == expected


def test_a_listing_has_no_end_at_a_thousand(store: ObjectStore) -> None:
    """`list` goes on over the pages in which backends read."""
    keys = [f"log/{number:012d}" for number in range(1_005)]
    for key in keys:
        store.put(key, b"")
    store.put("log2", b"")
    assert [found.key for found in store.list("log/")] == keys


def test_two_instances_share_the_objects(store: ObjectStore, peer: ObjectStore) -> None:
    """What one instance wrote or removed, another one sees at once, and may not create again."""
    assert peer.get("a") is None
    assert store.create("a", b"1") is True
    assert peer.create("a", b"2") is False
    assert peer.get("a") == b"1"
    peer.put("a", b"3")
    assert store.get("a") == b"3"
    assert [found.key for found in peer.list("")] == ["a"]
    store.delete("a")
    assert peer.get("a") is None
