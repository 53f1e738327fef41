"""What the documents point at is there."""

import re
from typing import Final

from tests.repo import tree

# [text](target), without images' and links' titles; addresses of the web are not ours to check.
LINK: Final = re.compile(r"\]\((?!https?://|#)([^)\s#]+)")


def test_links_between_documents_lead_somewhere() -> None:
    """Every relative link in a Markdown file names a file or folder of the repository."""
    broken = [
        f"{tree.name(path)}: {target}"
        for path in tree.files(suffix=".md")
        for target in LINK.findall(path.read_text(encoding="utf-8"))
        if not (path.parent / target).exists()
    ]
    assert broken == []


def test_readme_names_every_target_it_promises() -> None:
    """Each `make` command that README.md and CONTRIBUTING.md show is a target of the Makefile."""
    makefile = (tree.ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z -]*):", makefile, re.MULTILINE))
    known = {target for line in targets for target in line.split()}
    texts = [(tree.ROOT / name).read_text() for name in ("README.md", "CONTRIBUTING.md")]
    shown = {target for text in texts for target in re.findall(r"make ([a-z][a-z-]*)[`\n]", text)}
    assert shown <= known
