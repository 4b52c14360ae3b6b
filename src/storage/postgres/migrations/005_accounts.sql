-- Who may do what: accounts, API keys, refresh tokens, what was revoked, and the changes by which all nodes learn of it.
-- Times are in milliseconds since the epoch, by the clocks of the nodes.

CREATE TABLE users (
  id text COLLATE "C" PRIMARY KEY,
  -- In lower case.
  email text COLLATE "C" NOT NULL UNIQUE,
  password_hash text NOT NULL,
  disabled boolean NOT NULL,
  permissions jsonb NOT NULL,
  created_at bigint NOT NULL
);

CREATE TABLE api_keys (
  id text COLLATE "C" PRIMARY KEY,
  name text NOT NULL,
  -- SHA-256 of the secret part.
  hash text NOT NULL,
  permissions jsonb NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint,
  revoked_at bigint
);

CREATE TABLE refresh_tokens (
  id text COLLATE "C" PRIMARY KEY,
  -- All that follow from one sign-in.
  family_id text COLLATE "C" NOT NULL,
  user_id text COLLATE "C" NOT NULL REFERENCES users ON DELETE CASCADE,
  hash text NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  used_at bigint
);

CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id);
CREATE INDEX refresh_tokens_user ON refresh_tokens (user_id, created_at);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

CREATE TABLE revocations (
  kind text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  at bigint NOT NULL,
  expires_at bigint,
  PRIMARY KEY (kind, id)
);

-- One row, so that numbers are given in the order of commits: who changes something holds it until then.
CREATE TABLE auth_change_count (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  last bigint NOT NULL
);
INSERT INTO auth_change_count (last) VALUES (0);

CREATE TABLE auth_changes (
  number bigint PRIMARY KEY,
  at bigint NOT NULL,
  kind text NOT NULL,
  id text NOT NULL
);

CREATE TABLE audit_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at bigint NOT NULL,
  event text NOT NULL,
  details jsonb NOT NULL
);
CREATE INDEX audit_log_at ON audit_log (at);

COMMENT ON TABLE users IS 'SyncKit: accounts';
COMMENT ON TABLE api_keys IS 'SyncKit: keys for programs';
COMMENT ON TABLE refresh_tokens IS 'SyncKit: sign-ins that can be renewed';
COMMENT ON TABLE revocations IS 'SyncKit: tokens, sign-ins and users that count no more';
COMMENT ON TABLE auth_changes IS 'SyncKit: changes of the last hour';
COMMENT ON TABLE audit_log IS 'SyncKit: sign-ins, refusals and changes of who may do what, with SYNCKIT_AUDIT_TABLE';
