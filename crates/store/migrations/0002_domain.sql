-- What the domain records. Ids are 16 raw bytes, times are milliseconds, flags are 0 or 1. The
-- application leads every key, so that one application's rows are together and apart from others'.

CREATE TABLE applications (
    id {blob} NOT NULL PRIMARY KEY,
    slug {text} NOT NULL,
    alias {text},
    name {text} NOT NULL,
    settings {text} NOT NULL,
    created_at {int} NOT NULL
){end};
CREATE UNIQUE INDEX applications_by_slug ON applications (slug);
CREATE UNIQUE INDEX applications_by_alias ON applications (alias) WHERE alias IS NOT NULL;

CREATE TABLE signing_keys (
    application_id {blob} NOT NULL,
    kid {text} NOT NULL,
    algorithm {text} NOT NULL,
    state {text} NOT NULL,
    public_key_pem {text},
    sealed_secret {blob},
    created_at {int} NOT NULL,
    last_used_at {int},
    PRIMARY KEY (application_id, kid)
){end};
-- One current and one previous key for each algorithm.
CREATE UNIQUE INDEX signing_keys_by_state ON signing_keys (application_id, algorithm, state)
    WHERE state IN ('current', 'previous');

-- An operator key belongs to no application. A key is found by the id in its text alone.
CREATE TABLE api_keys (
    id {blob} NOT NULL PRIMARY KEY,
    application_id {blob},
    name {text} NOT NULL,
    roles {text} NOT NULL,
    digest {blob} NOT NULL,
    publishable_text {text},
    last_characters {text} NOT NULL,
    created_at {int} NOT NULL,
    expires_at {int},
    cidr {text},
    last_used_at {int},
    revoked {int} NOT NULL
){end};
CREATE INDEX api_keys_by_application ON api_keys (application_id, id);

CREATE TABLE users (
    application_id {blob} NOT NULL,
    id {blob} NOT NULL,
    name {text},
    external_id {text},
    email {text},
    display_name {text},
    anonymous {int} NOT NULL,
    blocked {int} NOT NULL,
    created_at {int} NOT NULL,
    deleted_at {int},
    PRIMARY KEY (application_id, id)
){end};
CREATE UNIQUE INDEX users_by_name ON users (application_id, name) WHERE name IS NOT NULL;
CREATE UNIQUE INDEX users_by_external_id ON users (application_id, external_id)
    WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX users_by_email ON users (application_id, email) WHERE email IS NOT NULL;
CREATE INDEX users_identified ON users (application_id, id) WHERE anonymous = 0;

-- A session's kid and jti are bytes, as revocations have them.
CREATE TABLE sessions (
    application_id {blob} NOT NULL,
    id {blob} NOT NULL,
    user_id {blob} NOT NULL,
    device_id {blob} NOT NULL,
    device_name {text},
    api_key_id {blob},
    dialect {text} NOT NULL,
    kid {blob},
    jti {blob},
    digest {blob},
    one_time_id {blob},
    credential_issued_at {int},
    credential_expires_at {int},
    acl {text},
    generation {int} NOT NULL,
    nonce_digest {blob},
    opened_at {int} NOT NULL,
    rotated_at {int} NOT NULL,
    expires_at {int} NOT NULL,
    ended_at {int},
    ended_why {text},
    PRIMARY KEY (application_id, id)
){end};
CREATE UNIQUE INDEX sessions_by_one_time_id ON sessions (application_id, one_time_id)
    WHERE one_time_id IS NOT NULL;
CREATE INDEX sessions_by_user ON sessions (application_id, user_id, id);
CREATE INDEX sessions_by_device ON sessions (application_id, device_id);

CREATE TABLE revocations (
    application_id {blob} NOT NULL,
    kind {int} NOT NULL,
    value {blob} NOT NULL,
    before_at {int} NOT NULL,
    made_at {int} NOT NULL,
    forget_at {int} NOT NULL,
    PRIMARY KEY (application_id, kind, value)
){end};
CREATE INDEX revocations_by_made_at ON revocations (made_at);

-- The author is a byte for its kind and its id; a client id is unique for each author.
CREATE TABLE conversations (
    application_id {blob} NOT NULL,
    id {blob} NOT NULL,
    name {text},
    display_name {text},
    creator_member_id {blob},
    last_event_id {int} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    author {blob} NOT NULL,
    client_id {text},
    client_digest {blob},
    PRIMARY KEY (application_id, id)
){end};
CREATE UNIQUE INDEX conversations_by_name ON conversations (application_id, name)
    WHERE name IS NOT NULL;
CREATE UNIQUE INDEX conversations_by_client_id ON conversations (application_id, author, client_id)
    WHERE client_id IS NOT NULL;
CREATE INDEX conversations_by_updated_at ON conversations (application_id, updated_at, id);

-- A visitor's place that was merged into a user's points to it.
CREATE TABLE members (
    application_id {blob} NOT NULL,
    conversation_id {blob} NOT NULL,
    id {blob} NOT NULL,
    user_id {blob} NOT NULL,
    state {text} NOT NULL,
    delivered {int} NOT NULL,
    seen {int} NOT NULL,
    changed_at {int} NOT NULL,
    adopted_by {blob},
    PRIMARY KEY (application_id, conversation_id, id)
){end};
CREATE UNIQUE INDEX members_by_place ON members (application_id, conversation_id, user_id)
    WHERE state <> 'left';
CREATE INDEX members_by_user ON members (application_id, user_id, conversation_id);

-- The author is the id of a member or of an API key, or no byte at all for a backend without a
-- key. The subject is the member of whom a member event tells: its body is made when it is read,
-- so that it names the present user, and a deleted one no more. `touches` is the event that an
-- edit or a deletion names.
CREATE TABLE events (
    application_id {blob} NOT NULL,
    conversation_id {blob} NOT NULL,
    id {int} NOT NULL,
    author_id {blob} NOT NULL,
    kind {text} NOT NULL,
    body {text} NOT NULL,
    subject_id {blob},
    assurance {text} NOT NULL,
    counted {int} NOT NULL,
    created_at {int} NOT NULL,
    edited_at {int},
    deleted_at {int},
    touches {int},
    client_id {text},
    client_digest {blob},
    PRIMARY KEY (application_id, conversation_id, id)
){end};
CREATE UNIQUE INDEX events_by_client_id
    ON events (application_id, conversation_id, author_id, client_id)
    WHERE client_id IS NOT NULL;
CREATE INDEX events_by_touched ON events (application_id, conversation_id, touches)
    WHERE touches IS NOT NULL;

CREATE TABLE attachments (
    application_id {blob} NOT NULL,
    id {blob} NOT NULL,
    conversation_id {blob} NOT NULL,
    author {blob} NOT NULL,
    file_name {text},
    media_type {text} NOT NULL,
    bytes {int} NOT NULL,
    created_at {int} NOT NULL,
    content {blob} NOT NULL,
    PRIMARY KEY (application_id, id)
){end};
CREATE INDEX attachments_by_author ON attachments (application_id, author, bytes);
CREATE INDEX attachments_by_conversation ON attachments (application_id, conversation_id);

CREATE TABLE audit (
    application_id {blob} NOT NULL,
    id {blob} NOT NULL,
    happened_at {int} NOT NULL,
    actor {text} NOT NULL,
    action {text} NOT NULL,
    target {text} NOT NULL,
    detail {text},
    PRIMARY KEY (application_id, id)
){end};

-- The keys of our own tokens.
CREATE TABLE mac_keys (
    id {int} NOT NULL PRIMARY KEY,
    sealed_secret {blob} NOT NULL
){end};
