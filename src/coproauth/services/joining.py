"""Which adapters are asked to join the units of work of a store; any other is told after the unit is kept."""

from __future__ import annotations

from coproauth.ports import AuditSink, JoiningAudit, JoiningThrottle, Throttle


def joining_audit(audit: AuditSink) -> JoiningAudit | None:
    """Return an audit sink if it is asked to join."""
    if isinstance(audit, JoiningAudit) and _are_of_one_class(audit, "record", "record_within"):
        return audit
    return None


def joining_throttle(throttle: Throttle) -> JoiningThrottle | None:
    """Return a throttle if it is asked to join."""
    if isinstance(throttle, JoiningThrottle) and _are_of_one_class(throttle, "settle", "settle_within"):
        return throttle
    return None


def _are_of_one_class(adapter: object, plain: str, joining: str) -> bool:
    """Whether one class has both methods: one that only overrides the plain one wants to be told of everything."""
    owner = next((kind for kind in type(adapter).__mro__ if plain in vars(kind)), None)
    return owner is not None and joining in vars(owner)
