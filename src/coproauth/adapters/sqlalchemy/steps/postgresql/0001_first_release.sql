-- The tables of the first release.

CREATE TABLE IF NOT EXISTS {prefix}identities (
    id VARCHAR(255) NOT NULL,
    email VARCHAR(254) NOT NULL,
    email_key VARCHAR(254) NOT NULL,
    password_hash VARCHAR(400),
    credential_stamp INTEGER NOT NULL,
    temporary_until TIMESTAMP WITH TIME ZONE,
    last_account_id VARCHAR(255),
    locale VARCHAR(8) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_login_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (email_key)
);

CREATE TABLE IF NOT EXISTS {prefix}links (
    contact_id VARCHAR(255) NOT NULL,
    identity_id VARCHAR(255) NOT NULL,
    linked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (contact_id),
    FOREIGN KEY(identity_id) REFERENCES {prefix}identities (id)
);

CREATE INDEX IF NOT EXISTS ix_{prefix}links_identity_id ON {prefix}links (identity_id);

CREATE TABLE IF NOT EXISTS {prefix}codes (
    id VARCHAR(255) NOT NULL,
    contact_id VARCHAR(255) NOT NULL,
    portfolio_id VARCHAR(255) NOT NULL,
    code_index VARCHAR(64) NOT NULL,
    issued_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    used_by VARCHAR(255),
    revoked_at TIMESTAMP WITH TIME ZONE,
    proof_email_key VARCHAR(254),
    proof_nonce VARCHAR(64),
    proof_requested_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    UNIQUE (code_index),
    FOREIGN KEY(used_by) REFERENCES {prefix}identities (id)
);

CREATE INDEX IF NOT EXISTS ix_{prefix}codes_contact_id ON {prefix}codes (contact_id);

CREATE TABLE IF NOT EXISTS {prefix}sessions (
    digest VARCHAR(64) NOT NULL,
    handle VARCHAR(255) NOT NULL,
    identity_id VARCHAR(255) NOT NULL,
    credential_stamp INTEGER NOT NULL,
    account_id VARCHAR(255),
    authenticated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    address VARCHAR(400) NOT NULL,
    user_agent VARCHAR(400),
    PRIMARY KEY (digest),
    FOREIGN KEY(identity_id) REFERENCES {prefix}identities (id)
);

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
    queued_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    tries INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX IF NOT EXISTS {prefix}outbox_due ON {prefix}outbox (due_at);

CREATE TABLE IF NOT EXISTS {prefix}throttle (
    name VARCHAR(255) NOT NULL,
    attempts INTEGER NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    not_before TIMESTAMP WITH TIME ZONE NOT NULL,
    forget_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (name)
);

CREATE INDEX IF NOT EXISTS ix_{prefix}throttle_forget_at ON {prefix}throttle (forget_at);

CREATE TABLE IF NOT EXISTS {prefix}condominiums (
    position SERIAL NOT NULL,
    id VARCHAR(255) NOT NULL,
    name TEXT NOT NULL,
    portfolio_id VARCHAR(255) NOT NULL,
    PRIMARY KEY (position),
    UNIQUE (id)
);

CREATE INDEX IF NOT EXISTS ix_{prefix}condominiums_portfolio_id ON {prefix}condominiums (portfolio_id);

CREATE TABLE IF NOT EXISTS {prefix}accounts (
    position SERIAL NOT NULL,
    id VARCHAR(255) NOT NULL,
    condominium_id VARCHAR(255) NOT NULL,
    label TEXT NOT NULL,
    PRIMARY KEY (position),
    UNIQUE (id),
    FOREIGN KEY(condominium_id) REFERENCES {prefix}condominiums (id) ON DELETE CASCADE
);

CREATE INDEX IF NOT EXISTS ix_{prefix}accounts_condominium_id ON {prefix}accounts (condominium_id);

CREATE TABLE IF NOT EXISTS {prefix}contacts (
    position SERIAL NOT NULL,
    id VARCHAR(255) NOT NULL,
    account_id VARCHAR(255) NOT NULL,
    name TEXT NOT NULL,
    email TEXT,
    PRIMARY KEY (position),
    UNIQUE (id),
    FOREIGN KEY(account_id) REFERENCES {prefix}accounts (id) ON DELETE CASCADE
);

CREATE INDEX IF NOT EXISTS ix_{prefix}contacts_account_id ON {prefix}contacts (account_id);
