"""Profiles (TOML) and ``--set`` overrides to one validated :class:`RunConfig`."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from counterpoise import toml
from counterpoise.config import RunConfig
from counterpoise.errors import UsageError
from counterpoise.validation import validated

PROFILES = Path(__file__).parent / "profiles"
DEFAULT_PROFILE = "local"


def profile_names() -> list[str]:
    """The profiles that come with the package, sorted."""
    return sorted(path.stem for path in PROFILES.glob("*.toml"))


def load_config(profile: str = DEFAULT_PROFILE, overrides: Sequence[str] = ()) -> RunConfig:
    """The configuration of a profile, by name or TOML file, with ``key.path=value`` overrides on top.

    Raises:
        UsageError: no such profile, invalid TOML, an unknown key (naming the nearest) or a wrong value.
    """
    path = _profile_path(profile)
    values = read_toml(path)
    _check_label(path, values, overrides)
    where = f"profile {path.name}"
    if overrides:
        where += " with --set " + " ".join(overrides)
    for override in overrides:
        values = _with(values, *parsed(override))
    return validated(RunConfig, {"profile": path.stem} | values, where)


def _check_label(path: Path, values: Mapping[str, Any], overrides: Sequence[str]) -> None:
    """A run is found by its profile's name, so that the name is the file's and nothing else."""
    if values.get("profile", path.stem) != path.stem:
        raise UsageError(
            f"{path}: profile = {values['profile']!r}, but the file is {path.name}", "remove that line"
        )
    if any(override.partition("=")[0].strip() == "profile" for override in overrides):
        raise UsageError(
            "--set profile=…: a profile's name is its file's", "use --profile NAME, or a file of that name"
        )


def of_profile(value: Any) -> Any:
    """A configuration that was given in part, completed from the profile that it names.

    The rest would else be the `local` profile's, under the name of another. A configuration under a name of its own, as
    from somebody's TOML file, is whole.

    Raises:
        ValueError: it names no profile, or one that is not known here while settings are missing.
    """
    if not isinstance(value, Mapping):
        return value
    name = value.get("profile")
    if name is None:
        raise ValueError(f"profile is missing: say which one these settings change, e.g. {DEFAULT_PROFILE!r}")
    if name in profile_names():
        return overlaid(read_toml(PROFILES / f"{name}.toml"), value)
    if missing := list(_missing(RunConfig().model_dump(mode="json"), value)):
        raise ValueError(
            f"profile {name!r} is not one of {', '.join(profile_names())}, and {missing[0]} is missing: name one of "
            "these, or give every setting"
        )
    return value


def _missing(whole: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    """The settings of ``whole`` that ``given`` lacks.

    >>> list(_missing({"seed": 0, "pairs": {"folds": 4, "source": "a"}}, {"seed": 1, "pairs": {"folds": 3}}))
    ['pairs.source']
    """
    for name, value in whole.items():
        if name not in given:
            yield name
        elif isinstance(value, Mapping) and isinstance(given[name], Mapping):
            yield from (f"{name}.{inner}" for inner in _missing(value, given[name]))


def overlaid(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` with ``changes`` on top, section by section.

    >>> overlaid({"seed": 0, "pairs": {"folds": 4, "source": "a"}}, {"pairs": {"folds": 3}})
    {'seed': 0, 'pairs': {'folds': 3, 'source': 'a'}}
    """
    merged = dict(values)
    for name, value in changes.items():
        below = merged.get(name)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[name] = overlaid(below, value) if both else value  # type: ignore[arg-type]
    return merged


def _profile_path(profile: str) -> Path:
    named = PROFILES / f"{profile}.toml"
    if profile in profile_names():
        return named
    path = Path(profile)
    if path.suffix == ".toml" and path.is_file():
        return path
    nearest = difflib.get_close_matches(profile, profile_names(), n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"known: {', '.join(profile_names())}"
    raise UsageError(f"no profile or .toml file {profile!r}", hint)


def read_toml(path: Path) -> dict[str, Any]:
    """The values in a TOML file.

    Raises:
        UsageError: it cannot be read, or is not TOML.
    """
    try:
        return toml.read_toml(path)
    except (ValueError, OSError) as error:
        raise UsageError(f"{path}: {error}", "the file must be readable UTF-8 TOML") from None


def parsed(override: str) -> tuple[list[str], Any]:
    """The path and the value of ``key.path=value``; what is no TOML value is taken as text.

    Raises:
        UsageError: there is no ``=``.
    """
    key, separator, text = override.partition("=")
    if not separator or not key.strip():
        raise UsageError(f"--set {override!r}: expected key.path=value", "e.g. --set pairs.folds=5")
    try:
        value = toml.parse_toml(f"value = {text}")["value"]
    except ValueError:
        value = text.strip()
    return key.strip().split("."), value


def _with(values: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    if len(path) == 1:
        return {**values, path[0]: value}
    inner = values.get(path[0], {})
    if not isinstance(inner, Mapping):
        raise UsageError(f"--set {'.'.join(path)}: {path[0]} is a value, not a section", "check the key")
    return {**values, path[0]: _with(inner, path[1:], value)}
