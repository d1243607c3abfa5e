-- The tables of the first release.

CREATE TABLE IF NOT EXISTS {prefix}identities (
    id VARCHAR(255) NOT NULL,
    email VARCHAR(254) NOT NULL,
    email_key VARCHAR(254) NOT NULL,
    password_hash VARCHAR(400),
    credential_stamp INTEGER NOT NULL,
    temporary_until DATETIME(6),
    last_account_id VARCHAR(255),
    locale VARCHAR(8) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    last_login_at DATETIME(6) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (email_key)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS {prefix}links (
    contact_id VARCHAR(255) NOT NULL,
    identity_id VARCHAR(255) NOT NULL,
    linked_at DATETIME(6) NOT NULL,
    PRIMARY KEY (contact_id),
    FOREIGN KEY(identity_id) REFERENCES {prefix}identities (id)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE INDEX IF NOT EXISTS ix_{prefix}links_identity_id ON {prefix}links (identity_id);

CREATE TABLE IF NOT EXISTS {prefix}codes (
    id VARCHAR(255) NOT NULL,
    contact_id VARCHAR(255) NOT NULL,
    portfolio_id VARCHAR(255) NOT NULL,
    code_index VARCHAR(64) NOT NULL,
    issued_at DATETIME(6) NOT NULL,
    expires_at DATETIME(6) NOT NULL,
    used_at DATETIME(6),
    used_by VARCHAR(255),
    revoked_at DATETIME(6),
    proof_email_key VARCHAR(254),
    proof_nonce VARCHAR(64),
    proof_requested_at DATETIME(6),
    PRIMARY KEY (id),
    UNIQUE (code_index),
    FOREIGN KEY(used_by) REFERENCES {prefix}identities (id)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE INDEX IF NOT EXISTS ix_{prefix}codes_contact_id ON {prefix}codes (contact_id);

CREATE TABLE IF NOT EXISTS {prefix}sessions (
    digest VARCHAR(64) NOT NULL,
    handle VARCHAR(255) NOT NULL,
    identity_id VARCHAR(255) NOT NULL,
    credential_stamp INTEGER NOT NULL,
    account_id VARCHAR(255),
    authenticated_at DATETIME(6) NOT NULL,
    last_seen_at DATETIME(6) NOT NULL,
    expires_at DATETIME(6) NOT NULL,
    address VARCHAR(400) NOT NULL,
    user_agent VARCHAR(400),
    PRIMARY KEY (digest),
    FOREIGN KEY(identity_id) REFERENCES {prefix}identities (id)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE INDEX IF NOT EXISTS ix_{prefix}sessions_identity_id ON {prefix}sessions (identity_id);

CREATE TABLE IF NOT EXISTS {prefix}outbox (
    id VARCHAR(255) NOT NULL,
    kind VARCHAR(40) NOT NULL,
    recipient VARCHAR(254) NOT NULL,
    locale VARCHAR(8) NOT NULL,
    identity_id VARCHAR(255),
    credential_stamp INTEGER,
    nonce VARCHAR(64),
    condominium_name TEXT NOT NULL,
    contact_name TEXT NOT NULL,
    queued_at DATETIME(6) NOT NULL,
    due_at DATETIME(6) NOT NULL,
    tries INTEGER NOT NULL,
    PRIMARY KEY (id)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE INDEX IF NOT EXISTS {prefix}outbox_due ON {prefix}outbox (due_at);

CREATE TABLE IF NOT EXISTS {prefix}throttle (
    name VARCHAR(255) NOT NULL,
    attempts INTEGER NOT NULL,
    last_at DATETIME(6) NOT NULL,
    not_before DATETIME(6) NOT NULL,
    forget_at DATETIME(6) NOT NULL,
    PRIMARY KEY (name)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE INDEX IF NOT EXISTS ix_{prefix}throttle_forget_at ON {prefix}throttle (forget_at);

CREATE TABLE IF NOT EXISTS {prefix}condominiums (
    position INTEGER NOT NULL AUTO_INCREMENT,
    id VARCHAR(255) NOT NULL,
    name TEXT NOT NULL,
    portfolio_id VARCHAR(255) NOT NULL,
    PRIMARY KEY (position),
    UNIQUE (id)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE INDEX IF NOT EXISTS ix_{prefix}condominiums_portfolio_id ON {prefix}condominiums (portfolio_id);

CREATE TABLE IF NOT EXISTS {prefix}accounts (
    position INTEGER NOT NULL AUTO_INCREMENT,
    id VARCHAR(255) NOT NULL,
    condominium_id VARCHAR(255) NOT NULL,
    label TEXT NOT NULL,
    PRIMARY KEY (position),
    UNIQUE (id),
    FOREIGN KEY(condominium_id) REFERENCES {prefix}condominiums (id) ON DELETE CASCADE
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE INDEX IF NOT EXISTS ix_{prefix}accounts_condominium_id ON {prefix}accounts (condominium_id);

CREATE TABLE IF NOT EXISTS {prefix}contacts (
    position INTEGER NOT NULL AUTO_INCREMENT,
    id VARCHAR(255) NOT NULL,
    account_id VARCHAR(255) NOT NULL,
    name TEXT NOT NULL,
    email TEXT,
    PRIMARY KEY (position),
    UNIQUE (id),
    FOREIGN KEY(account_id) REFERENCES {prefix}accounts (id) ON DELETE CASCADE
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE INDEX IF NOT EXISTS ix_{prefix}contacts_account_id ON {prefix}contacts (account_id);
