"""One-file HTML reports of a run."""

from cytotrial.report.report import render_report, write_report

__all__ = ["render_report", "write_report"]
