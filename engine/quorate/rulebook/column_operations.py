"""What compiled columns call: operations that know faults.

A fault is a mask of rows, or None when no row has one. Everything runs under
``np.errstate(all="ignore")``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

where = np.where
least = np.minimum
most = np.maximum
abs = np.abs  # noqa: A001 - the name that rules use


def either(*faults: Any) -> Any:
    """Return the union of faults."""
    found = None
    for fault in faults:
        if fault is not None:
            found = fault if found is None else found | fault
    return found


def inside(mask: Any, fault: Any) -> Any:
    """Return the faults where ``mask`` holds: those that evaluation reaches."""
    return None if fault is None else fault & mask


def outside(mask: Any, fault: Any) -> Any:
    """Return the faults where ``mask`` does not hold."""
    return None if fault is None else fault & ~mask


def zeros(column: Any) -> Any:
    """Return where a divisor is zero."""
    hits = column == 0
    return hits if np.count_nonzero(hits) else None


def lost(column: Any) -> Any:
    """Return where a number is NaN or infinite."""
    finite = np.isfinite(column)
    return None if np.count_nonzero(finite) == finite.size else ~finite


def same(left: Any, right: Any) -> Any:
    """Return where two values are equal."""
    equal = left == right
    return np.asarray(equal, np.bool_) if np.ndim(equal) else np.bool_(equal)


def among(column: Any, words: tuple[str, ...]) -> Any:
    """Return where a text is one of ``words``."""
    found = same(column, words[0])
    for word in words[1:]:
        found = found | same(column, word)
    return found
