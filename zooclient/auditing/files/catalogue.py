"""Every rule on the content of files: what it is called, how much it matters, and what to do about it; pure.

``docs/reference/audit-files.md`` has an entry for each of them: why it matters, and how to mend it.
"""

from __future__ import annotations

from zooclient.auditing.catalogue import Rule

_TELL = "Do not load it, and tell the zoo."
_SAFE = "Take the safetensors of the model, or ask its author for them."
_AGAIN = "Download it again; where it stays so, do not load it."
_UNPACK = "Unpack it yourself in a place that may break, and audit what was in it."

#: Name → rule.
CATALOGUE = {
    rule.name: rule
    for rule in (
        Rule("pickle", "low", "The file is a pickle: whoever opens it runs what its author wrote.", _SAFE),
        Rule(
            "pickle-global", "high", "A pickle names something outside the list of what is known to be harmless.",
            "Look at what it names before you load it, or take the safetensors of the model.",
        ),
        Rule("pickle-dangerous", "critical", "A pickle names what runs commands, code or imports.", _TELL),
        Rule("pickle-hidden-global", "critical", "A pickle hides what it imports.", _TELL),
        Rule("pickle-broken", "medium", "A pickle breaks off: what stands before the break would run.", _AGAIN),
        Rule("file-disguised", "high", "The content of a file is not what its name says.", _TELL),
        Rule("archive-damaged", "medium", "An archive, or something in it, could not be read.", _AGAIN),
        Rule("archive-contradicts", "high", "The two directories of an archive contradict each other.", _TELL),
        Rule("archive-climbs", "high", "A member of an archive would be written outside its folder.", _TELL),
        Rule("archive-unopened", "medium", "An archive is of a kind that was not looked into.", _UNPACK),
        Rule("scan-incomplete", "medium", "A bound was reached, and the rest was not looked at.", _UNPACK),
        Rule(
            "numpy-object", "medium", "A numpy array holds Python objects, which are pickled.",
            "Open it with `allow_pickle=False`, or ask its author for plain numbers.",
        ),
        Rule("safetensors-invalid", "high", "A safetensors header contradicts the format or the file.", _AGAIN),
        Rule("gguf-invalid", "high", "The metadata of a GGUF contradict the format or the file.", _AGAIN),
        Rule("template-code", "high", "A chat template does more than to format.",
                 "Do not render it outside a sandbox; set a template of your own."),
        Rule("onnx-climbs", "high", "An ONNX model names data outside its folder.", _TELL),
        Rule("onnx-invalid", "medium", "An ONNX model could not be read to its end.", _AGAIN),
        Rule("keras-code", "high", "A Keras model holds or names Python code that loading it runs.",
                 "Load it with `safe_mode=True` and a current Keras only, or ask its author for weights alone."),
        Rule("tensorflow-file-op", "high", "A TensorFlow graph reads or writes files.", _TELL),
        Rule("remote-code", "medium", "A config asks for code from the model's repository to be run.",
                 "Read that code at the pinned commit before you allow it (`trust_remote_code`)."),
        Rule("yaml-object", "high", "A YAML file asks for Python objects to be made.",
                 "Read it with a safe loader only."),
        Rule("executable", "high", "The file is a program or a library for the processor.",
                 "Nothing that only holds weights needs one: find out who runs it, and leave it out otherwise."),
        Rule("script", "low", "The file is a script.", "Read it before you run it; weights do not need it."),
        Rule("secret", "high", "A file holds what looks like a credential.",
                 "Tell its author: it is to be revoked, for others have seen it."),
        Rule("file-unreadable", "medium", "A file could not be read.", _AGAIN),
    )
}  # fmt: skip

#: Name → what it looks for: of every rule that `scan` applies.
RULES: dict[str, str] = {name: rule.about for name, rule in CATALOGUE.items()}
