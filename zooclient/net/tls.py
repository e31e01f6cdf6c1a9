"""Whose certificates are believed: one answer for metadata and bytes."""

from __future__ import annotations

import functools
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path

from zooclient.errors import ConfigError

#: Where distributions keep the system's authorities, for a Python whose OpenSSL was built to look elsewhere.
SYSTEM_STORES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, the BSDs
)


def ssl_context(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Returns the context for every TLS connection; the same one for the same variables.

    ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` take the place of the system's authorities. Without them macOS and Windows
    are asked themselves; elsewhere the system's files are read, and those of certifi where there are none.
    At least TLS 1.2.

    Args:
        environ: Variables.

    Raises:
        ConfigError: A variable names what cannot be read.
    """
    return _context(environ.get("SSL_CERT_FILE") or None, environ.get("SSL_CERT_DIR") or None)


@functools.lru_cache(maxsize=8)
def _context(file: str | None, folder: str | None) -> ssl.SSLContext:
    if file is None and folder is None:
        return _systems()
    if file is not None and not Path(file).is_file():
        raise ConfigError(f"SSL_CERT_FILE names {file}, which is no file.")
    if folder is not None and not Path(folder).is_dir():
        raise ConfigError(f"SSL_CERT_DIR names {folder}, which is no folder.")
    try:
        return _checked(ssl.create_default_context(cafile=file, capath=folder))
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(f"SSL_CERT_FILE names {file}, which holds no certificates.", hint="PEM is read.") from error


def _systems() -> ssl.SSLContext:
    if sys.platform in ("win32", "darwin"):
        import truststore

        return _checked(truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    # Named one by one: left to itself, OpenSSL would look at the variables of the process, which we may not have been
    # given.
    paths = ssl.get_default_verify_paths()
    file = paths.openssl_cafile if Path(paths.openssl_cafile).is_file() else None
    folder = paths.openssl_capath if _holds_files(Path(paths.openssl_capath)) else None
    if file or folder:
        return _checked(ssl.create_default_context(cafile=file, capath=folder))
    for store in SYSTEM_STORES:
        if Path(store).is_file():
            return _checked(ssl.create_default_context(cafile=store))
    import certifi

    return _checked(ssl.create_default_context(cafile=certifi.where()))


def _holds_files(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False


def _checked(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
