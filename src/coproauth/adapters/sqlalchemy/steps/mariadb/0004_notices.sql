-- In which browser a login was opened, for the mail that tells its owner.

ALTER TABLE {prefix}outbox ADD COLUMN IF NOT EXISTS browser VARCHAR(80);
