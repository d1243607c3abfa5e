-- In which browser a login was opened, for the mail that tells its owner.

ALTER TABLE {prefix}outbox ADD COLUMN browser VARCHAR(80);
