"""Serve a page on this machine to try the tuned model beside the base model: record or upload, see where they differ.

  python -m commands.demo                 at http://127.0.0.1:7860, until Ctrl-C; `make demo` installs what it needs first

Not a stage of dvc.yaml. Only this machine can open it, it asks nothing of the network, and it keeps no recording.
"""

import argparse
import signal
import socket
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

from asr.base.errors import DataError
from stages.common.command import telling_errors


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m commands.demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=7860, help="(default: %(default)s)")
    parser.add_argument(
        "--model", type=Path, default=Path("models/export"), metavar="FOLDER", help="the tuned one (default: %(default)s)"
    )
    parser.add_argument(
        "--channel", type=int, metavar="N", help="of uploads with several, from 0 (default: all of them, mixed)"
    )
    with telling_errors("demo"):
        arguments = parser.parse_args()
        demo(arguments.model, arguments.port, arguments.channel)


def demo(tuned: Path, port: int, channel: int | None) -> None:
    """Serve until it is interrupted or told to end.

    Raises:
        DataError: when Gradio or a model is missing, or the port is taken.
    """
    if find_spec("gradio") is None:
        raise DataError("gradio isn't installed; `make demo` installs it (requirements-demo.txt)")
    require_free(port)
    print("demo: loading both models", file=sys.stderr)
    from commands.trying.page import serving  # here, as --help needs none of them
    from commands.trying.pair import open_pair

    pair = open_pair(tuned, channel)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that uploads are removed then, too
    with serving(pair, port) as (address, _):
        print(f"demo: {address} is open to this machine, until Ctrl-C", file=sys.stderr)
        threading.Event().wait()


def require_free(port: int) -> None:
    """Stop before models are loaded when the page could not be served.

    Raises:
        DataError: naming the port.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise DataError(f"port {port} is taken, or not for you to use; choose another with --port") from error


if __name__ == "__main__":
    main()
