-- Conversations that are deleted, and whose events and files are still being removed, some at a
-- time: nothing finds them any more.
CREATE TABLE leftovers (
    application_id {blob} NOT NULL,
    conversation_id {blob} NOT NULL,
    PRIMARY KEY (application_id, conversation_id)
){end};

-- What the janitor goes by.
CREATE INDEX users_anonymous ON users (application_id, id) WHERE anonymous = 1;
CREATE INDEX revocations_by_forget_at ON revocations (forget_at);
