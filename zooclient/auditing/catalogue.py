"""Every rule on record and card: what it is called, how much it matters, and what to do about it; pure.

``docs/reference/audit.md`` has an entry for each of them: why it matters, and how to mend it.
"""

from __future__ import annotations

from attrs import frozen

from zooclient.records.audit import Basis, Finding, Severity


@frozen
class Rule:
    """One rule.

    Attributes:
        name: In lower case with hyphens.
        severity: Of what it finds.
        about: What it looks for, in a sentence.
        remedy: What to do about what it finds, in a sentence.
        basis: How what it finds is known.
    """

    name: str
    severity: Severity
    about: str
    remedy: str
    basis: Basis = "observed"

    def found(self, where: str, evidence: str) -> Finding:
        """Returns a finding of this rule."""
        return Finding(
            rule=self.name,
            severity=self.severity,
            where=where,
            evidence=evidence,
            remedy=self.remedy,
            basis=self.basis,
        )


#: What no program can decide.
_LAWYER = "Ask whoever answers for licences."

_ALL = (
    # -- card
    Rule("card-missing", "medium", "There is no card.", "Ask its author what it is for.", "missing"),
    Rule(
        *("card-unreadable", "low", "The card could not be read."),
        *("Look at it at the zoo, and audit again when it can be had.", "missing"),
    ),
    Rule(
        *("card-placeholder", "medium", "The card is the text that a zoo or a template put there."),
        *("Ask its author what it is for.", "missing"),
    ),
    Rule(
        *("card-sections-empty", "info", "Sections of the card are place-holders."),
        *("Take what they would say for unknown.", "missing"),
    ),
    Rule(
        *("front-matter-missing", "info", "The card has no front matter."),
        *("Its author can add licence, base model and task as front matter.", "missing"),
    ),
    Rule(
        *("front-matter-invalid", "low", "The front matter of the card is broken."),
        *("Read the card yourself: what the zoo shows of it may be wrong.",),
    ),
    Rule(
        *("uses-missing", "low", "The card does not say what the model is for."),
        *("Ask its author, or write down what you tested it for.", "missing"),
    ),
    Rule(
        *("limitations-missing", "medium", "The card does not say what the model is not fit for."),
        *("Test it for your own use before you rely on it.", "missing"),
    ),
    Rule(
        *("training-data-missing", "medium", "Nothing says what the model was trained on."),
        *("Ask its author; without an answer take rights and bias of the data for unknown.", "missing"),
    ),
    Rule(
        *("evaluation-missing", "medium", "Nothing says how well the model works."),
        *("Measure it on data of your own.", "missing"),
    ),
    Rule(
        *("links-moving", "info", "The card has links that name a moving revision."),
        *("What stands there may change: keep a copy of what you rely on, or link a commit.",),
    ),
    # -- licence
    Rule(
        *("license-missing", "high", "Nobody says under which licence the model is."),
        *("Without one nobody may use it: ask its author for a licence.", "missing"),
    ),
    Rule(
        *("license-unnamed", "medium", "The licence is `other`, and nothing says which."),
        *(f"Find its text. {_LAWYER}", "claimed"),
    ),
    Rule(
        *("license-unknown", "medium", "The licence is not one that is known here."),
        *(f"Read its text. {_LAWYER}", "claimed"),
    ),
    Rule(
        *("license-limits-use", "info", "The licence puts conditions on the use."),
        *("See that your use meets them.", "claimed"),
    ),
    Rule(
        *("license-unclear", "low", "Licence and card do not say the same for certain."),
        *("Ask its author which licence is meant.", "claimed"),
    ),
    Rule(
        *("license-contradicts-card", "high", "Two places claim different licences."),
        *(f"Ask its author which one is meant; until then keep to the stricter. {_LAWYER}", "claimed"),
    ),
    Rule(
        *("license-contradicts-file", "high", "The licence's text in the files is another one than the claimed."),
        *(f"Ask its author which one is meant; until then keep to the stricter. {_LAWYER}",),
    ),
    Rule(
        *("license-contradicts-base", "high", "The claimed licence allows more than that of the base model does."),
        *(f"Keep to the licence of the base model. {_LAWYER}", "claimed"),
    ),
    Rule(
        *("license-layers-contradict", "high", "The creator allows what the licence of the base model does not."),
        *(f"Keep to the licence of the base model. {_LAWYER}", "claimed"),
    ),
    Rule(
        *("license-layer-missing", "medium", "Of base model and creator, one does not say what is allowed."),
        *(f"Look at the page of the licence. {_LAWYER}", "missing"),
    ),
    Rule(
        *("license-link-moving", "low", "The text of the licence is linked at a moving revision."),
        *("Keep a copy of the text that you agreed to.",),
    ),
    Rule(
        *("base-license-unknown", "low", "The licence of a base model is not known."),
        *(f"Find out: its terms hold for what was made from it. {_LAWYER}", "missing"),
    ),
    # -- provenance
    Rule(
        *("unpinned", "medium", "The reference names a moving revision."),
        *("Put the pinned reference into your code, or lock it: `zooclient add NAME REF`.",),
    ),
    Rule(
        *("unpinnable", "medium", "The zoo has no immutable revision of the model."),
        *("Keep a copy of what you use: nobody can promise the same bytes again.",),
    ),
    Rule(
        *("author-missing", "low", "The zoo does not say whose model it is."),
        *("Find out who answers for it before you use it.", "missing"),
    ),
    Rule(
        *("recently-created", "low", "The model is younger than thirty days."),
        *("See that it is from whom you think; copies of known names are young.", "claimed"),
    ),
    Rule(
        *("base-missing", "low", "The model was made from another, and nothing says from which."),
        *("Ask its author: licence and limits of the base model hold for it too.", "missing"),
    ),
    Rule(
        *("base-unread", "low", "A base model could not be looked at, nor its licence."),
        *("Audit it by itself when it can be had.", "missing"),
    ),
    Rule(
        *("access-limited", "info", "The bytes are not for everybody."),
        *("See that all who are to use it have agreed to its terms.", "claimed"),
    ),
    Rule(
        *("access-gone", "high", "The bytes cannot be had any longer."),
        *("Find out why it was taken away before you use a copy.", "claimed"),
    ),
    Rule(
        *("record-from-lock", "info", "The zoo could not be asked: the lock alone was read."),
        *("Audit again when the zoo can be reached.", "missing"),
    ),
    # -- formats
    Rule(
        *("pickle-only", "high", "The weights are pickles, which run code when they are loaded, and nothing else."),
        *("Ask for safetensors; otherwise scan the files and load them where they can do no harm.", "claimed"),
    ),
    Rule(
        *("pickle-beside", "info", "There are pickles beside weights of another format."),
        *("Load the other ones; they are what is fetched unless somebody asks for more.", "claimed"),
    ),
    Rule(
        *("custom-code", "medium", "The model comes with code that loading it may run."),
        *("Read the code at the pinned revision before you allow it.", "claimed"),
    ),
    Rule(
        *("digest-missing", "medium", "The zoo states no digest of some weights."),
        *("Lock the model: its bytes are held to what arrived first from then on.", "missing"),
    ),
    Rule(
        *("scan-danger", "critical", "The zoo's own scan found a file dangerous."),
        *("Do not load it.", "claimed"),
    ),
)

#: Name → rule.
RULES: dict[str, Rule] = {rule.name: rule for rule in _ALL}
