-- Who acts, from which browser, and in which request. Events of before have none of it.

ALTER TABLE {prefix}audit ADD COLUMN IF NOT EXISTS actor_kind VARCHAR(16);

ALTER TABLE {prefix}audit ADD COLUMN IF NOT EXISTS user_agent VARCHAR(400);

ALTER TABLE {prefix}audit ADD COLUMN IF NOT EXISTS correlation_id VARCHAR(64);
