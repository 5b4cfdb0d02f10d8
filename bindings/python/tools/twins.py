"""Writes the plain twin of everything to await: ``python/syncline/_sync`` from ``python/syncline/_async``.

    python tools/twins.py            # writes
    python tools/twins.py --check    # fails if they are not what would be written
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "python" / "syncline"
HEAD = "# Written by tools/twins.py from _async/{name}. Change that one.\n"

REPLACED = [
    (r"\bAsyncIterator\b", "Iterator"),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\basync (?=def |for |with )", ""),
    (r"\bawait ", ""),
    (r"__aenter__", "__enter__"),
    (r"__aexit__", "__exit__"),
    (r"__aiter__", "__iter__"),
    (r"\bnext_async\b", "next"),
    (r"The calls to await\. .*_sync`` from here\.", "The calls that return when they are done."),
]


def twin(name: str, text: str) -> str:
    """The plain twin of a file."""
    for pattern, by in REPLACED:
        text = re.sub(pattern, by, text)
    return HEAD.format(name=name) + text


def main() -> int:
    """Writes or checks all files."""
    check = "--check" in sys.argv[1:]
    sources = {source.name: twin(source.name, source.read_text("utf-8")) for source in (PACKAGE / "_async").glob("*.py")}
    folder = PACKAGE / "_sync"
    stale = [name for name, text in sources.items() if _read(folder / name) != text]
    gone = [file for file in folder.glob("*.py") if file.name not in sources]
    if check:
        for name in stale + [file.name for file in gone]:
            print(f"_sync/{name} is not the twin of _async/{name}; `python tools/twins.py` writes it")
        return 1 if stale or gone else 0
    folder.mkdir(exist_ok=True)
    for name in stale:
        (folder / name).write_text(sources[name], "utf-8")
    for file in gone:
        file.unlink()
    return 0


def _read(file: Path) -> str:
    return file.read_text("utf-8") if file.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
