-- Who acts, from which browser, and in which request. Events of before have none of it.

ALTER TABLE {prefix}audit ADD COLUMN actor_kind VARCHAR(16);

ALTER TABLE {prefix}audit ADD COLUMN user_agent VARCHAR(400);

ALTER TABLE {prefix}audit ADD COLUMN correlation_id VARCHAR(64);
