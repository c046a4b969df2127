"""A nats context as connect options, and in words that show no secret."""

from __future__ import annotations

from dataclasses import fields

from natstui.connection.options import ConnectOptions
from natstui.contexts import NatsContext

_DECIDED = (
    *("servers", "token", "user", "password", "nkey_seed", "jwt", "sign_callback", "credentials_file", "credentials"),
    *("auth_callback", "require_tls", "tls_first", "root_certificates", "client_certificate", "client_key"),
    *("tls_client_config", "tls_hostname", "custom_inbox_prefix"),
)
"""What a context decides alone: credentials of one place never travel to another."""


def options_on(context: NatsContext, base: ConnectOptions) -> ConnectOptions:
    """Return `base`'s behaviour (pings, timeouts, idle …) on the context's servers, with its credentials and TLS only.

    Raises:
        OptionError: the context cannot work.
    """
    defaults = {option.name: option.default for option in fields(ConnectOptions) if option.name in _DECIDED}
    return base.replace(**(defaults | dict(context.options)))


def authentication_words(options: ConnectOptions) -> str:
    """Return how a connection authenticates; names and paths, but never a secret."""
    ways = []
    if options.user is not None:
        ways.append(f"user {options.user} with password")
    if options.token is not None:
        ways.append("token")
    if options.jwt is not None:
        ways.append("user JWT" + ("" if options.nkey_seed is None else " with nkey seed"))
    elif options.nkey_seed is not None:
        ways.append("nkey seed")
    if options.credentials_file is not None:
        ways.append(f"credentials file {options.credentials_file}")
    if options.credentials is not None:
        ways.append("credentials")
    if options.client_certificate is not None:
        ways.append(f"certificate {options.client_certificate}")
    return ", ".join(ways) or "none"


def tls_words(options: ConnectOptions) -> str:
    """Return what is asked of TLS."""
    ways = []
    if options.tls_first:
        ways.append("before INFO")
    elif options.require_tls or any(url.startswith(("tls://", "wss://")) for url in options.servers):
        ways.append("required")
    if options.root_certificates is not None:
        ways.append(f"authorities of {options.root_certificates}")
    return ", ".join(ways) or "if the server wants it"
