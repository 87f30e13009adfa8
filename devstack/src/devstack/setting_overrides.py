"""Overrides of settings, from the command line or the environment of the launcher."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic import ValidationError

from common.settings import complaints
from devstack.errors import SettingRefused
from devstack.service_settings import DECIDED, SETTINGS, inherited, names

SettingOverrides = dict[str, dict[str, str]]
"""The settings of each service."""


@dataclass(frozen=True)
class Setting:
    """`NAME=VALUE` for every service that has it, or `SERVICE.NAME=VALUE`."""

    name: str
    value: str
    service: str | None = None


def resolve_overrides(
    options: Sequence[Setting], environment: Mapping[str, str]
) -> SettingOverrides:
    """The overrides of each service; raises SettingRefused for an invalid one.

    The command line overrides the environment, an option for one service one for all, and the last
    option an earlier one.
    """
    for setting in options:
        _check_name(setting)
    found = {service: _overrides_of(service, options, environment) for service in SETTINGS}
    wrong: dict[str, str] = {}
    for service in SETTINGS:
        wrong |= _wrong_values(service, found[service])
    if wrong:
        on_command_line = {each.name for each in options}
        raise SettingRefused(
            "; ".join(
                f"{name}{'' if name in on_command_line else ' (in the environment)'}: {why}"
                for name, why in wrong.items()
            )
        )
    return found


def _overrides_of(
    service: str, options: Sequence[Setting], environment: Mapping[str, str]
) -> dict[str, str]:
    of_all = {
        each.name: each.value
        for each in options
        if not each.service and each.name in names(service)
    }
    own = {each.name: each.value for each in options if each.service == service}
    found = {**inherited(service, environment), **of_all, **own}
    return {name: value for name, value in found.items() if name not in DECIDED}


def _check_name(setting: Setting) -> None:
    name, service = setting.name, setting.service
    if service and service not in SETTINGS:
        raise SettingRefused(f"there is no service {service}{_nearest(service, SETTINGS)}")
    if name in DECIDED:
        raise SettingRefused(f"{name} cannot be set: the launcher decides it")
    owners = [each for each in SETTINGS if name in names(each)]
    if not owners:
        known = frozenset[str]().union(*map(names, SETTINGS)) - DECIDED.keys()
        raise SettingRefused(f"no service has a setting {name}{_nearest(name.upper(), known)}")
    if service and service not in owners:
        raise SettingRefused(f"{service} has no setting {name}: it is one of {', '.join(owners)}")


def _nearest(name: str, known: Collection[str]) -> str:
    found = get_close_matches(name, sorted(known), n=1, cutoff=0.4)
    return f"; did you mean {found[0]}?" if found else ""


def _wrong_values(service: str, found: Mapping[str, str]) -> dict[str, str]:
    try:
        SETTINGS[service].model_validate({name.lower(): value for name, value in found.items()})
    except ValidationError as error:
        return {name: why for name, why in complaints(error).items() if name in found}
    return {}
