"""PDF: the page as paper, by WeasyPrint. What a page would fetch is refused: there is nothing to fetch."""

from __future__ import annotations

INSTALL = (
    "pip install 'passive-network-sensor[report]', and Pango 1.44 or later of the system (Debian, Ubuntu: apt install libpango-1.0-0 libpangoft2-1.0-0"
    " libharfbuzz-subset0; Fedora: dnf install pango)"
)


class NoPdf(Exception):
    """What writes PDF is not there; in words, with what to install."""


def pdf(html: str) -> bytes:
    """NoPdf where WeasyPrint or Pango is missing."""
    try:
        from weasyprint import HTML
        from weasyprint.urls import URLFetcher
    except ImportError:
        raise NoPdf(f"PDF is written by WeasyPrint, which is not installed: {INSTALL}") from None
    except OSError as error:  # the library of the system that it loads
        raise NoPdf(f"PDF is written by WeasyPrint, which cannot load Pango ({str(error).splitlines()[0]}): {INSTALL}") from None
    return bytes(HTML(string=html, url_fetcher=URLFetcher(allowed_protocols=())).write_pdf(pdf_tags=True))
