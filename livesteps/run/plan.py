"""Which samples run, and why the others do not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from livesteps.errors import Problem, nearest
from livesteps.plugin import Server
from livesteps.read.chapter import Chapter
from livesteps.read.guide import Guide
from livesteps.read.redact import Redaction
from livesteps.read.sdk import SDK
from livesteps.run.outcome import Outcome, State

Program = tuple[SDK, Chapter]


def programs(guide: Guide, names: Iterable[str] = ()) -> list[Program]:
    """The programs that a person names as `SDK` or `SDK/chapter`; all without names.

    `Problem` says which name is unknown.
    """
    found: dict[str, Program] = {}
    for name in names or guide.sdks:
        id_, slash, chapter = name.partition("/")
        if id_ not in guide.sdks:
            raise Problem(f"unknown SDK '{id_}'", nearest(id_, guide.sdks))
        sdk = guide.sdks[id_]
        has = {each.name: each for each in guide.programs(sdk)}
        if slash and chapter not in guide.chapters:
            advice = nearest(chapter, guide.chapters)
            raise Problem(f"unknown chapter '{chapter}'", advice)
        if slash and chapter not in has:
            raise Problem(
                f"'{id_}' has no program of '{chapter}': "
                + sdk.gaps(chapter)[0].reason.rstrip("."),
                f"it has {', '.join(has)}",
            )
        for each in [has[chapter]] if slash else has.values():
            found[f"{id_}/{each.name}"] = (sdk, each)
    return list(found.values())


def required(
    guide: Guide, names: Sequence[str], *, named: Collection[str] = ()
) -> list[str]:
    """The SDKs that must run: of those that are only recorded, who is named."""
    for id_ in names:
        [(sdk, _), *_] = programs(guide, [id_])
        if sdk.recorded_only and id_ not in named:
            raise Problem(
                f"'{id_}' is recorded only, and cannot be required:"
                f" {sdk.recorded_only}",
                f"run it by its name: `livesteps run {id_}`",
            )
    return list(names)


def plan(
    guide: Guide,
    wanted: Sequence[Program],
    why_not: str,
    *,
    named: Collection[str] = (),
    server: Server | None = None,
) -> list[Outcome]:
    """An outcome for each program; those that cannot run against this server, not
    connect in its way, or not do what it needs, say why. `named` are SDKs that a
    person asked for."""
    for sdk, chapter in wanted:
        sdk.sample_of(chapter.name)  # a wrong marker stops all, before anything runs
    return [
        _outcome(guide, sdk, chapter, why_not, named=sdk.id in named, server=server)
        for sdk, chapter in wanted
    ]


def outcome_of(guide: Guide, sdk: SDK, chapter: Chapter) -> Outcome:
    """One of a program of which nothing is known yet."""
    return Outcome(
        *(sdk, chapter, guide.called(sdk, chapter)),
        redact=Redaction(words=guide.plugins.vocabulary),
    )


def _outcome(
    guide: Guide,
    sdk: SDK,
    chapter: Chapter,
    why_not: str,
    *,
    named: bool,
    server: Server | None,
) -> Outcome:
    outcome = outcome_of(guide, sdk, chapter)
    if sdk.recorded_only and not named:
        _only_recorded(guide, outcome)
        return outcome
    outcome.why = why_not or (_why_not(guide, sdk, server, named) if server else "")
    if outcome.why:
        outcome.state = State.NOT_RUN
    return outcome


def _why_not(guide: Guide, sdk: SDK, server: Server, named: bool) -> str:
    chosen = server.option or server.name in (guide.server, *sdk.servers)
    if not chosen and not named:
        return f"its sdk.toml does not say that it runs on {server.name}"
    if server.way:
        try:
            sdk.block_of(server.way)
        except Problem as problem:
            return str(problem)
    for need in server.needs:
        if why := str(getattr(sdk.cannot, need)):
            return why
    return ""


def _only_recorded(guide: Guide, outcome: Outcome) -> None:
    """A sample that is not run with the others is good if its recording is whole,
    and of the sample as it is now."""
    sdk = outcome.sdk
    try:
        recording = guide.recording(sdk, outcome.chapter)
    except Problem as problem:
        outcome.state, outcome.why = State.FAILED, str(problem)
        return
    outcome.state = State.RECORDED
    outcome.why = f"on {recording.date}: {sdk.recorded_only}"
    outcome.version, outcome.language = recording.sdk, recording.language
