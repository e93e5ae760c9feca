"""The page, in Gradio: record or upload, and see what the base and the tuned model hear."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from asr.base.errors import DataError
from asr.export.sound import decode
from asr.recognition.long import seconds_of
from asr.shards.frames import SAMPLE_RATE
from commands.trying.pair import OTHER, Pair, Word, differences, hear

MOST_MEGABYTES = 25
MOST_SECONDS = 60
WAITING = 8
"""How many may wait for the one that is heard."""

ABOUT = f"""# Base and tuned
Record or upload up to {MOST_SECONDS} s and {MOST_MEGABYTES} MB. Both models hear it, and the words in which they differ are
coloured. It stays on this machine, and is removed when they have heard it."""
NOTHING: list[Word] = [("nothing", None)]


@contextmanager
def serving(pair: Pair, port: int) -> Iterator[tuple[str, Path]]:
    """Serve the page on 127.0.0.1, to this machine alone.

    Yields:
        its address, and the folder of uploads, which is removed with all that it has.

    Raises:
        DataError: when the port is taken.
    """
    with TemporaryDirectory() as uploads:
        os.environ.update(GRADIO_TEMP_DIR=uploads, GRADIO_ANALYTICS_ENABLED="False")  # gradio reads both when it is imported
        page = _page(pair)
        page.queue(max_size=WAITING, default_concurrency_limit=1)
        try:
            _, address, _ = page.launch(
                server_name="127.0.0.1", server_port=port, share=False, max_file_size=f"{MOST_MEGABYTES}mb", quiet=True,
                prevent_thread_lock=True, run_history=False, enable_monitoring=False, ssr_mode=False, pwa=False,
                mcp_server=False, footer_links=[],
            )  # fmt: skip
        except OSError as error:
            raise DataError(f"port {port} is taken; choose another with --port") from error
        try:
            yield address, Path(uploads)
        finally:
            page.close(verbose=False)


def _page(pair: Pair) -> Any:
    import gradio as gr  # here, once its environment is set

    def compare(upload: str | None) -> tuple[Any, ...]:
        if upload is None:
            raise gr.Error("Record something, or load a file.", print_exception=False)
        try:
            return (*_compared(pair, Path(upload)), gr.update(interactive=False))
        except DataError as error:
            raise gr.Error(str(error), print_exception=False) from error
        finally:
            shutil.rmtree(Path(upload).parent, ignore_errors=True)  # a folder for each upload

    # The browser fetches the file to play it, so it stays until a click. One that gets none is removed after five minutes.
    with gr.Blocks(title="Base and tuned", analytics_enabled=False, delete_cache=(60, 300)) as page:
        gr.Markdown(ABOUT)
        audio = gr.Audio(sources=["upload", "microphone"], type="filepath", editable=False, buttons=[], label="Recording")
        button = gr.Button("Transcribe", variant="primary", interactive=False)
        with gr.Row():
            texts = [
                gr.HighlightedText(
                    label=f"{what}: {name}", elem_id=what, color_map={OTHER: "orange"}, show_inline_category=False
                )
                for what, name in zip(("base", "tuned"), pair.names, strict=True)
            ]
        taken = gr.Markdown(elem_id="taken")
        shown = [*texts, taken, button]
        gr.on(
            [audio.upload, audio.stop_recording], lambda: ([], [], "", gr.update(interactive=True)), None, shown,
            api_visibility="private", queue=False,
        )  # fmt: skip
        button.click(compare, audio, shown, api_visibility="private", concurrency_limit=1)
    return page


def _compared(pair: Pair, upload: Path) -> tuple[list[Word], list[Word], str]:
    if not upload.is_file():
        raise DataError("The recording has been removed, as nothing is kept: load it again.")
    try:
        seconds = (
            seconds_of(upload) or len(decode(upload).waveform) / SAMPLE_RATE
        )  # what a browser records may not say its length
        if seconds > MOST_SECONDS:
            raise DataError(f"{seconds:.0f} s are too long: the page takes {MOST_SECONDS} s, commands.transcribe any length.")
        base, tuned = (hear(listener, upload) for listener in pair.listeners)
    except DataError as error:
        raise DataError(str(error).removeprefix(f"{upload}: ")) from error
    first, second = differences(base.text, tuned.text, pair.normalize)
    said = f"{seconds:.1f} s of sound: base {base.seconds:.2f} s, tuned {tuned.seconds:.2f} s"
    return first or NOTHING, second or NOTHING, said
