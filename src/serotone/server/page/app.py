"""The page of the service: Gradio, mounted in the same process."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

from serotone.errors import MissingExtraError
from serotone.server.page import batch as page_batch
from serotone.server.page import clip as page_clip
from serotone.server.page import live as page_live
from serotone.server.page.about import about, limits
from serotone.server.page.files import private_folder, samples
from serotone.server.page.guard import PageGuard
from serotone.server.page.view import hint
from serotone.timeline.strip import colour

if TYPE_CHECKING:
    import gradio
    from fastapi import FastAPI

    from serotone.inference.recognizer import Recognizer

TITLE = "serotone"
CLAIM = "Hear how something is said: the emotion in a voice, how sure, and when."

MAX_UPLOAD_BYTES = 25_000_000
LIVE_PATH = "live"
"""Of the page's WebSocket, from where the page is."""

LIVE_S = 300
"""A live session ends after so long; Start begins another."""

N_LIVE = 4
"""Visitors who may be heard live at once."""

N_WAITING = 64
"""Visitors in line; further ones are told to come back."""

SWEEP_S, STALE_S = 60, 600
"""How often abandoned uploads are looked for, and how old they grow: about a session's length."""

FRAME = """
body .gradio-container { max-width: min(66rem, 100vw) !important; min-width: 0 !important;
  margin: 0 auto !important; }
body .gradio-container main { min-width: 0 !important; max-width: 100% !important; }
@media (max-width: 45rem) { body .gradio-container main { padding: .8rem !important; } }
"""
"""Apart from the other rules, which Gradio confines to what is inside its frame."""

_HERE = Path(__file__).parent
LANGUAGES = {"de": "German", "en": "English", "es": "Spanish", "pl": "Polish"}


def mount(
    app: FastAPI,
    recognizer: Recognizer,
    *,
    path: str = "/",
    max_upload_bytes: int = MAX_UPLOAD_BYTES,
) -> FastAPI:
    """Add the page to a service.

    Mount it last: at ``/`` it answers whatever no route before it does.

    Args:
        app: the service.
        recognizer: what hears.
        path: where the page is.
        max_upload_bytes: of one file.

    Returns:
        The same service.

    Raises:
        MissingExtraError: when Gradio is not installed.

    Example:
        >>> from fastapi import FastAPI
        >>> from serotone.inference.recognizer import Recognizer
        >>> mount(FastAPI(), Recognizer.open(), path="/page").routes[-1].path
        '/page'
    """
    # Before Gradio is imported: it asks for both then.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    folder = private_folder()
    try:
        import gradio
    except ModuleNotFoundError:
        raise MissingExtraError("The page", "page", "gradio") from None
    from starlette.routing import WebSocketRoute

    live = page_live.Live(recognizer, most=N_LIVE, longest_s=LIVE_S)
    app.router.routes.append(WebSocketRoute(f"{path.rstrip('/')}/{LIVE_PATH}", live.serve))
    blocks = build(recognizer, folder, live)
    gradio.mount_gradio_app(
        app,
        blocks,
        path=path,
        footer_links=[],
        run_history=False,
        max_file_size=max_upload_bytes,
        allowed_paths=[],
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        ssr_mode=False,
        show_error=False,
        favicon_path=str(_HERE / "page_icon.png") if path == "/" else None,
        theme=_theme(),
        css=(_HERE / "page.css").read_text("utf-8"),
        head=f"<style>{FRAME}</style><script>{(_HERE / 'page.js').read_text('utf-8')}</script>",
    )
    mounted: Any = app.routes[-1]
    mounted.app = PageGuard(mounted.app)
    _forget_at_the_end(app, folder)
    return app


def _forget_at_the_end(app: FastAPI, folder: Path) -> None:
    """Delete the uploads with their folder when the service stops, by a signal too."""
    before = app.router.lifespan_context

    @asynccontextmanager
    async def life(served: FastAPI) -> AsyncIterator[Any]:
        async with before(served) as state:
            yield state
        rmtree(folder, ignore_errors=True)

    app.router.lifespan_context = life


def build(recognizer: Recognizer, folder: Path, live: page_live.Live) -> gradio.Blocks:
    """The page itself, not yet served.

    Args:
        recognizer: what hears.
        folder: where uploads lie while they are heard.
        live: what the Live tab speaks to.
    """
    import gradio as gr

    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(SWEEP_S, STALE_S)) as page:
        gr.HTML(_head(recognizer.labels))
        with gr.Tabs():
            with gr.Tab("Clip", id="clip"):
                _clip_tab(page_clip.Clips(recognizer, folder))
            with gr.Tab("Live", id="live"):
                _live_tab(live)
            with gr.Tab("Batch", id="batch"):
                _batch_tab(page_batch.Batches(recognizer, folder))
            with gr.Tab("How sure, and why", id="about"):
                gr.HTML(about(recognizer.model))
                gr.Markdown(limits(), elem_classes="st-box")
    page.queue(max_size=N_WAITING, default_concurrency_limit=2, api_open=False)
    blocks: gradio.Blocks = page
    return blocks


def _clip_tab(clips: page_clip.Clips) -> None:
    import gradio as gr

    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            sound = gr.Audio(
                sources=["upload", "microphone"],
                type="filepath",
                label="A recording",
                editable=False,
                buttons=[],
                elem_id="clip-sound",
            )
            words = gr.Checkbox(
                label="Hear the words too (English)", value=True, visible=clips.can_words
            )
            gr.HTML('<p class="st-soft">No recording at hand? A machine\'s voice:</p>')
            with gr.Row(elem_classes="st-samples"):
                buttons = [
                    (gr.Button(sample_name(path), size="sm", min_width=130), path)
                    for path in samples()
                ]
            gr.HTML(
                '<p class="st-soft">What you send is deleted as soon as it has been heard. '
                "A model's guess at how something was said, no more.</p>"
            )
        with gr.Column(scale=3, min_width=280):
            answer = gr.HTML(hint(page_clip.READY), elem_id="clip-answer")

    def upload(path: str | None, with_words: bool) -> Iterator[tuple[str, None]]:
        # The input is emptied: it is ready for the next, and shows nothing that is gone.
        for shown in clips.upload(path, with_words):
            yield shown, None

    gr.on(
        [sound.upload, sound.stop_recording],
        upload,
        [sound, words],
        [answer, sound],
        show_progress_on=answer,
        api_visibility="private",
    )
    for button, path in buttons:
        button.click(partial(clips.file, path), [words], [answer], api_visibility="private")


def _live_tab(live: page_live.Live) -> None:
    import gradio as gr

    told = (
        "The sound goes to this server alone, is heard, and is written nowhere. A session ends "
        f"after {LIVE_S // 60} minutes."
    )
    gr.HTML(
        f'<div class="st-live" data-path="{LIVE_PATH}" data-token="{live.token}">'
        '<div class="st-box"><button type="button" class="st-live-button" aria-pressed="false">'
        'Start</button><span class="st-track st-level" aria-hidden="true"><i></i></span>'
        f'<p class="st-soft">{told}</p></div>'
        f'<div class="st-live-answer" aria-live="polite">{hint(page_live.READY)}</div></div>'
    )


def _batch_tab(batches: page_batch.Batches) -> None:
    import gradio as gr

    files = gr.File(
        file_count="multiple",
        type="filepath",
        label="Recordings",
        elem_id="batch-files",
        height=150,
    )
    answer = gr.HTML(hint(page_batch.READY), elem_id="batch-answer")

    def upload(paths: list[str] | None) -> Iterator[tuple[str, None]]:
        for shown in batches.upload(paths):
            yield shown, None

    files.upload(
        upload, [files], [answer, files], show_progress_on=answer, api_visibility="private"
    )


def sample_name(path: Path) -> str:
    """What a sample's button says.

    Example:
        >>> sample_name(Path("synthetic-en-fast-high.wav"))
        'English, fast, high'
    """
    _, language, *how = path.stem.split("-")
    return ", ".join([LANGUAGES.get(language, language), *how])


def _head(labels: tuple[str, ...]) -> str:
    heights = (35, 60, 100, 75, 45)
    shown = [labels[index % len(labels)] for index in (3, 1, 2, 4, 5)]
    dots = "".join(
        f'<i style="height:{height}%;background:{colour(label, labels)}"></i>'
        for height, label in zip(heights, shown, strict=True)
    )
    return (
        f'<div class="st-head"><h1><span class="st-dots" aria-hidden="true">{dots}</span>'
        f"{TITLE}</h1><p>{CLAIM}</p></div>"
    )


def _theme() -> gradio.themes.Base:
    import gradio as gr
    from gradio.themes.utils.fonts import Font

    # The visitor's own fonts: none is fetched.
    theme = gr.themes.Default(
        primary_hue=gr.themes.colors.blue,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_lg,
        font=[Font("system-ui"), Font("sans-serif")],
        font_mono=[Font("ui-monospace"), Font("monospace")],
    )
    # Gradio's own grey is too pale to read for many.
    return theme.set(
        body_text_color_subdued="*neutral_600", body_text_color_subdued_dark="*neutral_300"
    )
