-- Who was warned before being removed, why mail failed, the audit trail, and an index for each look-up of the operator.

ALTER TABLE {prefix}identities ADD COLUMN IF NOT EXISTS warned_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE {prefix}outbox ADD COLUMN IF NOT EXISTS failure VARCHAR(80);

CREATE INDEX IF NOT EXISTS {prefix}identities_idle ON {prefix}identities (warned_at, last_login_at, id);

CREATE INDEX IF NOT EXISTS ix_{prefix}codes_expires_at ON {prefix}codes (expires_at);

CREATE INDEX IF NOT EXISTS ix_{prefix}codes_used_by ON {prefix}codes (used_by);

CREATE INDEX IF NOT EXISTS ix_{prefix}sessions_expires_at ON {prefix}sessions (expires_at);

CREATE INDEX IF NOT EXISTS ix_{prefix}outbox_identity_id ON {prefix}outbox (identity_id);

CREATE INDEX IF NOT EXISTS ix_{prefix}outbox_queued_at ON {prefix}outbox (queued_at);

CREATE INDEX IF NOT EXISTS ix_{prefix}outbox_recipient ON {prefix}outbox (recipient);

CREATE TABLE IF NOT EXISTS {prefix}audit (
    position BIGSERIAL NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    pathway VARCHAR(40) NOT NULL,
    outcome VARCHAR(16) NOT NULL,
    reason VARCHAR(80),
    actor VARCHAR(255),
    subject VARCHAR(255),
    address VARCHAR(400),
    PRIMARY KEY (position)
);

CREATE INDEX IF NOT EXISTS ix_{prefix}audit_at ON {prefix}audit (at);

CREATE INDEX IF NOT EXISTS ix_{prefix}audit_subject ON {prefix}audit (subject);
