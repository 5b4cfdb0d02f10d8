"""The calls to await. ``tools/twins.py`` writes ``_sync`` from here."""
