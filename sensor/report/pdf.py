"""The page as PDF, by WeasyPrint. Requests for resources are rejected: the page needs none."""

from __future__ import annotations

from types import ModuleType

INSTALL = (
    "pip install 'passive-network-sensor[report]', and Pango 1.44 or later of the system (Debian, "
    "Ubuntu: apt install libpango-1.0-0 libpangoft2-1.0-0"
    " libharfbuzz-subset0; Fedora: dnf install pango)"
)


class NoPdf(Exception):
    """The PDF library is missing; the text contains the package to install."""


def writer() -> ModuleType:
    """The PDF library. Raises NoPdf if it or Pango is not installed."""
    try:
        import weasyprint
    except ImportError:
        raise NoPdf(f"PDF is written by WeasyPrint, which is not installed: {INSTALL}") from None
    except OSError as error:  # a system library that it loads
        raise NoPdf(
            f"PDF is written by WeasyPrint, which cannot load Pango ({str(error).splitlines()[0]}): {INSTALL}"
        ) from None
    module: ModuleType = weasyprint
    return module


def pdf(html: str) -> bytes:
    """The printed page."""
    weasyprint = writer()
    fetcher = weasyprint.urls.URLFetcher(allowed_protocols=())
    return bytes(weasyprint.HTML(string=html, url_fetcher=fetcher).write_pdf(pdf_tags=True))
