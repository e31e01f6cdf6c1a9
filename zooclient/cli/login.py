"""``zooclient login``."""

from __future__ import annotations

import sys

import click

from zooclient.cli.options import as_json, pass_desk
from zooclient.cli.output import Desk


@click.command("login")
@click.argument("zoo", default="hf")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the token from stdin instead of asking.")
@as_json
@pass_desk
def command(desk: Desk, zoo: str, from_stdin: bool, as_json: bool) -> None:
    """Check a token with ZOO and store it for you alone.  [default: hf]

    It is stored where the zoo's own tool finds it, if the zoo has one. The token is asked for, never taken from the
    command line, where others could read it.
    """
    from zooclient.errors import ConfigError
    from zooclient.providers.registry import canonical, keeper, provider_for

    keep = keeper(canonical(zoo))
    token = (sys.stdin.readline() if from_stdin else _asked(zoo)).strip()
    if not token:
        raise ConfigError("No token was given.", zoo=zoo, operation="login", hint=f"Make one at {keep.tokens_page}.")
    with desk.client() as client:
        account = client.whoami(zoo, token=token)
        endpoint = provider_for(zoo, client.settings).endpoint
    place = keep.store(desk.environ, token, endpoint=endpoint)
    if as_json:
        desk.json({"zoo": zoo, "name": account.name, "kind": account.kind, "role": account.role, "place": str(place)})
    else:
        desk.talk(f"Logged in to {zoo} as {account.name}; the token is in {place}.")
    for variable in keep.variables:
        if desk.environ.get(variable):
            desk.talk(f"warning: {variable} is set, and its token is taken before the stored one.")


def _asked(zoo: str) -> str:
    """Asks the person for the token, unseen."""
    from zooclient.errors import ConfigError

    if not sys.stdin.isatty():
        raise ConfigError(
            f"The token of {zoo} cannot be asked for: there is no terminal.",
            zoo=zoo,
            operation="login",
            hint=f"`zooclient login {zoo} --stdin` reads it from stdin.",
        )
    token: str = click.prompt(f"Token of {zoo}", hide_input=True, err=True)
    return token
