"""The page, in Gradio: record or upload, and see what the base and the tuned model hear."""

import os
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
from commands.trying.uploads import Uploads

MOST_MEGABYTES = 25
MOST_SECONDS = 60
WAITING = 8
"""How many may wait for the one that is heard."""
KEPT_SECONDS = 300
"""How long an upload waits to be heard."""

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
    from commands.trying.origin import guards  # here, as it needs what comes with gradio

    with TemporaryDirectory() as folder:
        os.environ.update(GRADIO_TEMP_DIR=folder, GRADIO_ANALYTICS_ENABLED="False")  # gradio reads both when it is imported
        page = _page(pair, Uploads(Path(folder), KEPT_SECONDS))
        page.queue(max_size=WAITING, default_concurrency_limit=1)
        try:
            _, address, _ = page.launch(
                server_name="127.0.0.1", server_port=port, share=False, max_file_size=f"{MOST_MEGABYTES}mb", quiet=True,
                prevent_thread_lock=True, run_history=False, enable_monitoring=False, ssr_mode=False, pwa=False,
                mcp_server=False, footer_links=[], app_kwargs={"middleware": guards()},
            )  # fmt: skip
        except OSError as error:
            raise DataError(f"port {port} is taken; choose another with --port") from error
        try:
            yield address, Path(folder)
        finally:
            page.close(verbose=False)


def _page(pair: Pair, uploads: Uploads) -> Any:
    import gradio as gr  # here, once its environment is set

    def keep_clearing(upload: str) -> None:
        if not Path(upload).is_file():  # Gradio takes what a client names for a file; it clears nothing after one that is none
            audio.temp_files.discard(upload)

    def load(upload: str | None, request: gr.Request) -> tuple[Any, ...]:
        if upload is not None:
            keep_clearing(upload)
            uploads.load(upload, request.session_hash or "")
        return [], [], "", gr.update(interactive=True)

    def compare(upload: str | None, request: gr.Request) -> tuple[Any, ...]:
        if upload is None:
            raise gr.Error("Record something, or load a file.", print_exception=False)
        keep_clearing(upload)
        try:
            with uploads.hearing(upload, request.session_hash or "") as path:
                return (*_compared(pair, path), gr.update(interactive=False))
        except DataError as error:
            raise gr.Error(str(error), print_exception=False) from error

    # The browser fetches the file to play it, so it stays until a click. One that gets none is removed after five minutes.
    with gr.Blocks(title="Base and tuned", analytics_enabled=False, delete_cache=(60, KEPT_SECONDS)) as page:
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
        # Each upload is noted, so "multiple": "once" drops one that is loaded while another is being noted.
        gr.on(
            [audio.upload, audio.stop_recording], load, audio, shown,
            api_visibility="private", queue=False, trigger_mode="multiple",
        )  # fmt: skip
        button.click(compare, audio, shown, api_visibility="private", concurrency_limit=1)
    return page


def _compared(pair: Pair, upload: Path) -> tuple[list[Word], list[Word], str]:
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
    if tuned.missing:
        said += f". The recording is damaged: {tuned.missing}"
    return first or NOTHING, second or NOTHING, said
