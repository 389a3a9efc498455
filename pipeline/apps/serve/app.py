"""The web application: every route, behind the same limits."""

from fastapi import FastAPI

from pipeline.apps.serve.settings import Settings


def create_app(settings: Settings) -> FastAPI:
    """Return the application.

    The page's routes are mounted here: ``pipeline.apps.serve.page.add_page(app)``.
    """
    return FastAPI(title="netral", docs_url=None, redoc_url=None)
