"""Counters of attempts, and sessions, on Redis or Valkey.

One server, with replicas if you like, not a cluster of shards: what is done at once lies on one. Needs the extra
``redis``.
"""

from __future__ import annotations

from coproauth.adapters.redis.client import eviction_policy, redis_client
from coproauth.adapters.redis.store import RedisSessions
from coproauth.adapters.redis.throttle import RedisThrottle

__all__ = ["RedisSessions", "RedisThrottle", "eviction_policy", "redis_client"]
