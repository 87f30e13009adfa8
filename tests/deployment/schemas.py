"""Kubernetes' own schemas, strict: what the API server of a version would not take."""

import re
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # no annotations
from kubernetes_validate import utils  # type: ignore[import-untyped]  # no annotations
from referencing import Registry, Resource
from tests.deployment.manifests import Object, Objects, name_of

OLDEST, NEWEST = "1.33", "1.37"
NOT_BUILT_IN = {"HTTPRoute"}


def invalid(objects: Objects, version: str) -> list[str]:
    """One line for each field that is wrong, missing or unknown."""
    wrong = []
    for each in objects:
        if each["kind"] not in NOT_BUILT_IN:
            error = next(
                _validator(each["kind"], each["apiVersion"], version).iter_errors(each), None
            )
            wrong += [f"{name_of(each)}: {error.message}"] if error else []
    return wrong


@cache
def _validator(kind: str, api_version: str, version: str) -> Draft202012Validator:
    """The library reads two megabytes for each object; here once for each kind."""
    short = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    schema = _contents(version, f"{kind.lower()}-{short}")
    registry: Registry[Any] = _definitions(version) @ Registry()
    return Draft202012Validator(schema, registry=Resource.from_contents(schema) @ registry)


@cache
def _definitions(version: str) -> Resource[Any]:
    return Resource.from_contents(_contents(version, "_definitions"))


def _contents(version: str, name: str) -> Object:
    [full] = {each for each in utils.all_versions() if utils.major_minor(each) == version}
    folder = f"kubernetes-json-schema/v{full}-local-strict"
    contents: Object = utils.schema_contents(f"{folder}/{name}.json", version)
    return contents
