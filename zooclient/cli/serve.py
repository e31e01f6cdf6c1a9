"""``zooclient serve``."""

from __future__ import annotations

import click

from zooclient.cli.options import as_json, pass_desk
from zooclient.cli.output import Desk, counted


@click.command("serve")
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--zoo",
    "zoos",
    multiple=True,
    default=("hf",),
    metavar="ZOO",
    help="Whose protocol: hf, modelscope, civitai, replicate, r8; repeatable.  [default: hf]",
)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port. 0: a free one.")
@click.option("--cdn-port", type=click.IntRange(0, 65535), help="Port of large files.  [default: a free one]")
@click.option("--one-origin", is_flag=True, help="Send large files from the same port.")
@click.option("--include", multiple=True, metavar="REF", help="Serve this gated or private model too; repeatable.")
@as_json
@pass_desk
def command(
    desk: Desk,
    folder: str | None,
    host: str,
    zoos: tuple[str, ...],
    port: int,
    cdn_port: int | None,
    one_origin: bool,
    include: tuple[str, ...],
    as_json: bool,
) -> None:
    """Serve FOLDER/owner/name/… as a zoo, or the store when no folder is given, until Ctrl-C.

    It speaks the zoo's own protocol: zooclient, and its official client if it has one, read it with their endpoint
    set to it. A second --zoo takes the port after --port, and so on.
    Of the store, gated, private and paid models are left out unless named.
    """
    from zooclient.serve.protocols import zoo_of
    from zooclient.serve.server import Bound, serve

    def ready(bound: Bound) -> None:
        if as_json:
            each = {scheme: {"url": url, "byte_url": bound.byte_urls[scheme]} for scheme, url in bound.urls.items()}
            desk.json({"url": bound.url, "byte_url": bound.byte_url, "zoos": each})
        else:
            for scheme, url in bound.urls.items():
                zoo = zoo_of(scheme)
                desk.line(url)
                desk.talk(f"{zoo.title}: large files come from {bound.byte_urls[scheme]}.")
                official = "" if zoo.variable is None else f"   or   {zoo.variable}={url} …"
                desk.talk(f"Use it: ZOOCLIENT_{scheme.upper()}_ENDPOINT={url} zooclient …{official}")
            desk.talk("Ctrl-C stops it.")
        desk.flush()

    if folder is not None:
        source = folder
        ended = serve(
            source,
            zoos=zoos,
            host=host,
            port=port,
            cdn_port=cdn_port,
            one_origin=one_origin,
            on_ready=ready,
            on_model=lambda name, files: desk.talk(f"{name}: {counted(files, 'file')}"),
        )
    else:
        from zooclient.serve.storeshelf import StoreShelf

        with desk.client() as client:
            shelf = StoreShelf(client.store, include=include)
        ended = serve(shelf, zoos=zoos, host=host, port=port, cdn_port=cdn_port, one_origin=one_origin, on_ready=ready)
    if ended is not None:
        # Stopped by a signal as it is meant to be: the status that a shell gives such a process.
        click.get_current_context().exit(128 + ended)
