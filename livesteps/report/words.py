"""What the formats for people say alike."""

from __future__ import annotations

from livesteps.report.model import SDK, Report, State


def headline(report: Report) -> str:
    """The whole in one line."""
    if report.stopped:
        return f"{report.target.name}: the run was stopped"
    ran = [sdk for sdk in report.sdks if sdk.state is not State.NOT_RUN]
    good = [sdk for sdk in ran if sdk.good]
    of = f"{len(good)} of {len(ran)} SDK{'' if len(ran) == 1 else 's'} passed"
    return f"{report.target.name}: {of}"


def facts(report: Report) -> list[tuple[str, str]]:
    """What holds for all SDKs: names and values."""
    target = report.target
    servers = ", ".join(f"{name} {value}" for name, value in target.versions.items())
    return [
        *([("Stopped", report.stopped)] if report.stopped else []),
        (target.kind.capitalize(), target.name),
        ("Its versions", servers or "not known"),
        *([("Connected by", target.way)] if target.way else []),
        ("Date", f"{report.date[:10]} {report.date[11:19]} UTC"),
        ("Seconds", f"{report.seconds:.1f}"),
        ("livesteps", report.livesteps),
    ]


def versions(sdk: SDK) -> str:
    """Of the SDK and its language, as far as they are known."""
    language = f"{sdk.language} {sdk.language_version}".strip()
    return f"{sdk.version}, {language}" if sdk.version else language
