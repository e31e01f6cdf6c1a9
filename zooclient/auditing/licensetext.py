"""Which licence a text is: told by its title and its first words, never by guessing; pure."""

from __future__ import annotations

import re

#: Words that stand in a licence's text, in lower case with one blank between → the Hub's id; the first match wins.
_TEXTS: tuple[tuple[str, str], ...] = (
    (r"apache license,? version 2\.0", "apache-2.0"),
    (r"gnu affero general public license version 3", "agpl-3.0"),
    (r"gnu lesser general public license version 3", "lgpl-3.0"),
    (r"gnu lesser general public license version 2\.1", "lgpl-2.1"),
    (r"gnu general public license version 3", "gpl-3.0"),
    (r"gnu general public license version 2", "gpl-2.0"),
    (r"mozilla public license,? version 2\.0", "mpl-2.0"),
    (r"attribution-noncommercial-noderivatives 4\.0 international", "cc-by-nc-nd-4.0"),
    (r"attribution-noncommercial-sharealike 4\.0 international", "cc-by-nc-sa-4.0"),
    (r"attribution-noncommercial 4\.0 international", "cc-by-nc-4.0"),
    (r"attribution-noderivatives 4\.0 international", "cc-by-nd-4.0"),
    (r"attribution-sharealike 4\.0 international", "cc-by-sa-4.0"),
    (r"attribution 4\.0 international", "cc-by-4.0"),
    (r"cc0 1\.0 universal", "cc0-1.0"),
    (r"llama 4 community license", "llama4"),
    (r"llama 3\.3 community license", "llama3.3"),
    (r"llama 3\.2 community license", "llama3.2"),
    (r"llama 3\.1 community license", "llama3.1"),
    (r"meta llama 3 community license", "llama3"),
    (r"llama 2 community license", "llama2"),
    (r"gemma terms of use", "gemma"),
    (r"bigscience rail license", "bigscience-bloom-rail-1.0"),
    (r"bigcode open ?rail-m", "bigcode-openrail-m"),
    (r"creativeml open ?rail\+\+-m", "openrail++"),
    (r"creativeml open ?rail-?m", "creativeml-openrail-m"),
    (
        r"redistribution and use in source and binary forms.*neither the name",
        "bsd-3-clause",
    ),
    (r"redistribution and use in source and binary forms", "bsd-2-clause"),
    (
        r"permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated "
        r"documentation files",
        "mit",
    ),
)
_READ = tuple((re.compile(words), name) for words, name in _TEXTS)
#: Characters that tell what a text is; longer ones quote other licences further down.
_HEAD = 3000
_NAME = re.compile(r"(?:.*/)?(?:licen[cs]e|copying)(?:[.-](?:md|txt|rst))?", re.IGNORECASE)


def is_license_file(path: str) -> bool:
    """Whether a file of this name holds the licence's text: ``LICENSE``, ``LICENSE.md``, ``COPYING``, at the root."""
    return "/" not in path and _NAME.fullmatch(path) is not None


def license_in(text: str) -> str | None:
    """Returns the Hub's id of the licence that a text is; None: it is none that is known here."""
    words = " ".join(re.sub(r"[*#_>\"“”]+", " ", text[:_HEAD].lower()).split())
    return next((name for pattern, name in _READ if pattern.search(words)), None)
