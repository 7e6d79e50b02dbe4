"""The catalog of a cloud, and the object store in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from livesteps.plugin import Problem, nearest

TYPE = "object-store"


class ObjectStore(NamedTuple):
    """Where an account is, and how to find that in the catalog."""

    url: str
    region: str
    interface: str


def find_object_store(
    catalog: Iterable[Mapping[str, Any]],
    region: str,
    interface: str | Sequence[str],
) -> ObjectStore:
    """The object store of a region, whatever its service is called.

    `catalog` is as in Keystone's answer. Without a `region` it is the only one.
    The first `interface` counts that is there. Raises `Problem`.
    """
    endpoints = [
        endpoint
        for service in catalog
        if service.get("type") == TYPE
        for endpoint in service.get("endpoints", ())
    ]
    regions = sorted({_region(endpoint) for endpoint in endpoints})
    if not regions:
        raise Problem(
            "there is no object store in its catalog",
            "choose a cloud that has one, or ask who runs it for access to it",
        )
    if not region and len(regions) > 1:
        raise Problem(
            f"it has an object store in each of the regions {', '.join(regions)}",
            "choose one as 'region_name' in its entry",
        )
    region = region or regions[0]
    if region not in regions:
        raise Problem(
            f"there is no object store in its region '{region}'",
            nearest(region, regions),
        )
    found = {
        endpoint["interface"]: endpoint["url"]
        for endpoint in endpoints
        if _region(endpoint) == region
    }
    wanted = [interface] if isinstance(interface, str) else list(interface)
    # Older clients say publicURL.
    wanted = [each.removesuffix("URL") for each in wanted if each] or ["public"]
    for each in wanted:
        if each in found:
            return ObjectStore(found[each], region, each)
    raise Problem(
        f"its object store has no address of the interface '{wanted[0]}'",
        f"choose another as 'interface' in its entry: {', '.join(sorted(found))}",
    )


def _region(endpoint: Mapping[str, Any]) -> str:
    region: str = endpoint.get("region_id") or endpoint.get("region") or ""
    return region
