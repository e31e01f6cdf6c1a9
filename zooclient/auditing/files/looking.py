"""One scan under way: what it found so far, and what it may still unpack."""

from __future__ import annotations

from attrs import define, field

from zooclient.auditing.files.catalogue import CATALOGUE
from zooclient.records.audit import Finding

#: Bytes that are held unpacked at one time, over all depths.
HELD = 96 << 20
#: Archives in archives.
DEPTH = 6
#: Members that are looked at, over the whole of a file.
MEMBERS = 50_000
#: Bytes that are unpacked for one file on the disk.
UNPACKED = 2 << 30
#: Findings of one file.
FINDINGS = 500


@define
class Looking:
    """What is known while one file is scanned.

    Attributes:
        findings: So far.
        held: Bytes that may still be held unpacked.
        members: Members that may still be looked at.
        unpacked: Bytes that may still be unpacked.
    """

    findings: list[Finding] = field(factory=list)
    held: int = HELD
    members: int = MEMBERS
    unpacked: int = UNPACKED

    def add(self, rule: str, where: str, evidence: str) -> None:
        """Notes a finding."""
        if len(self.findings) < FINDINGS:
            self.findings.append(CATALOGUE[rule].found(where[:500], evidence[:500]))
        elif len(self.findings) == FINDINGS:
            self.findings.append(CATALOGUE["scan-incomplete"].found(where[:500], "There is more than is listed."))
