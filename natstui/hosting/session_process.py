"""The process of one session: `python -m natstui.hosting.session_process`, started with a pty, or pipes, of its own."""

from __future__ import annotations

import sys


def main() -> int:
    """Make the pty the controlling terminal, so that its loss ends this process whatever becomes of its parent."""
    if sys.stdin is not None and sys.stdin.isatty():
        import fcntl
        import termios

        fcntl.ioctl(sys.stdin.fileno(), termios.TIOCSCTTY, 0)
    from natstui.cli import main as natstui

    return natstui(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
