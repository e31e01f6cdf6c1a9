"""Which call is which."""

from __future__ import annotations

from zooclient.serve.accounts import Account
from zooclient.serve.exchange import Answer, Intake, Question, Refusal, text_answer
from zooclient.serve.hubwrites import cards, commits, lfs, refs, repos, said
from zooclient.serve.hubwrites.storage import Storage
from zooclient.serve.hubwrites.visit import Visit
from zooclient.serve.hubwrites.writable import Writable
from zooclient.serve.protocol import Site


class Writes:
    """The Hub's answers to those who change something.

    Args:
        writable: What is changed.
        site: What the protocol is made from.
    """

    def __init__(self, writable: Writable, site: Site) -> None:
        self._writable = writable
        self._site = site
        self.storage = Storage(writable, site)

    def organisations(self, account: Account | None) -> tuple[str, ...]:
        """Names of the organisations that somebody belongs to."""
        return () if account is None else self._writable.organisations(account.name)

    def intake(self, question: Question) -> Intake | None:
        """Says which file a body goes to; None for those that are held in memory."""
        match question.segments:
            case ("api", "models", _, _, "commit", *_) if question.method == "POST":
                return commits.intake(self._writable, known=self._known(question))
            case _:
                return self.storage.intake(question)

    def _known(self, question: Question) -> bool:
        try:
            return self._site.accounts.visitor(question.headers.get("authorization")) is not None
        except PermissionError:
            return False

    def answer(self, question: Question, segments: tuple[str, ...], visitor: Account | None) -> Answer | None:
        """Returns what the Hub would say; None where nothing would be changed."""
        visit = Visit(question=question, visitor=visitor, writable=self._writable, site=self._site)
        match (question.method, *segments):
            case ("POST", "api", "repos", "create"):
                return repos.create(visit)
            case ("DELETE", "api", "repos", "delete"):
                return repos.delete(visit)
            case ("POST", "api", "repos", "move"):
                return repos.move(visit)
            case ("POST", "api", "validate-yaml"):
                return cards.validate(visit)
            case ("POST", "api", "complete_multipart"):
                return lfs.complete(visit)
            case (_, "api", "models", owner, name, *rest) if rest:
                return self._model(visit, f"{owner}/{name}", tuple(rest))
            case ("POST", owner, name, "info", "lfs", "objects", "batch") if name.endswith(".git"):
                return lfs.batch(visit, f"{owner}/{name.removesuffix('.git')}")
            case ("POST", owner, name, "info", "lfs", "objects", "verify") if name.endswith(".git"):
                return lfs.verify(visit, f"{owner}/{name.removesuffix('.git')}")
            case ("PUT" | "DELETE", *_):
                raise Refusal(text_answer("Only GET, HEAD, POST are served here.", status=405))
            case _:
                return None

    def _model(self, visit: Visit, name: str, rest: tuple[str, ...]) -> Answer | None:
        match (visit.question.method, *rest):
            case ("POST", "preupload", *revision) if revision:
                return commits.preupload(visit, name, "/".join(revision))
            case ("POST", "commit", *revision) if revision:
                return commits.commit(visit, name, "/".join(revision))
            case ("PUT", "settings"):
                return repos.settings(visit, name)
            case ("POST", "branch", *branch) if branch:
                return refs.create_branch(visit, name, "/".join(branch))
            case ("DELETE", "branch", *branch) if branch:
                return refs.delete_branch(visit, name, "/".join(branch))
            case ("POST", "tag", *revision) if revision:
                return refs.create_tag(visit, name, "/".join(revision))
            case ("DELETE", "tag", *tag) if tag:
                return refs.delete_tag(visit, name, "/".join(tag))
            case ("POST", "super-squash", *branch) if branch:
                return refs.squash(visit, name, "/".join(branch))
            case ("GET", "xet-write-token", *_):
                raise Refusal(said.refused(404, said.NO_XET, model=visit.repository(name).id))
            case ("GET", "auth-check", "write"):
                return text_answer("OK", model=visit.owned(name).id)
            case ("PUT" | "DELETE", *_):
                raise Refusal(text_answer("Only GET, HEAD, POST are served here.", status=405))
            case _:
                return None
