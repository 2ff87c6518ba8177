-- An event is kept under one number: its conversation's own in the upper 32 bits, its number there in
-- the lower. The table is then a flat one, whose upper pages hold nothing but numbers, and a row is
-- shorter by two ids. A conversation's number comes from a counter, so that no other ever gets it.
CREATE TABLE counters (
    name {text} NOT NULL PRIMARY KEY,
    last {int} NOT NULL
){end};
INSERT INTO counters (name, last) SELECT 'conversations',
    (SELECT count(*) FROM conversations) + (SELECT count(*) FROM leftovers);

ALTER TABLE conversations ADD COLUMN number {int} NOT NULL DEFAULT 0;
UPDATE conversations SET number = n.number FROM
    (SELECT application_id, id, row_number() OVER (ORDER BY application_id, id) AS number
        FROM conversations) n
    WHERE conversations.application_id = n.application_id AND conversations.id = n.id;
CREATE UNIQUE INDEX conversations_by_number ON conversations (number);

ALTER TABLE leftovers ADD COLUMN number {int} NOT NULL DEFAULT 0;
UPDATE leftovers SET number = n.number + (SELECT count(*) FROM conversations) FROM
    (SELECT application_id, conversation_id,
        row_number() OVER (ORDER BY application_id, conversation_id) AS number FROM leftovers) n
    WHERE leftovers.application_id = n.application_id
    AND leftovers.conversation_id = n.conversation_id;

-- An event's number is from 1 to what 32 bits hold: whatever is beyond would be another
-- conversation's.
CREATE TABLE keyed_events (
    key {int} NOT NULL PRIMARY KEY CHECK ((key & 4294967295) > 0),
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
    client_digest {blob}
){end_by_number};
INSERT INTO keyed_events (key, author_id, kind, body, subject_id, assurance, counted, created_at,
    edited_at, deleted_at, touches, client_id, client_digest)
    SELECT (c.number << 32) + e.id, e.author_id, e.kind, e.body, e.subject_id, e.assurance,
        e.counted, e.created_at, e.edited_at, e.deleted_at, e.touches, e.client_id, e.client_digest
    FROM events e JOIN conversations c
    ON c.application_id = e.application_id AND c.id = e.conversation_id
    ORDER BY e.application_id, e.conversation_id, e.id;
INSERT INTO keyed_events (key, author_id, kind, body, subject_id, assurance, counted, created_at,
    edited_at, deleted_at, touches, client_id, client_digest)
    SELECT (l.number << 32) + e.id, e.author_id, e.kind, e.body, e.subject_id, e.assurance,
        e.counted, e.created_at, e.edited_at, e.deleted_at, e.touches, e.client_id, e.client_digest
    FROM leftovers l JOIN events e
    ON e.application_id = l.application_id AND e.conversation_id = l.conversation_id
    ORDER BY e.application_id, e.conversation_id, e.id;
DROP TABLE events;
ALTER TABLE keyed_events RENAME TO events;
CREATE UNIQUE INDEX events_by_client_id ON events ((key >> 32), author_id, client_id)
    WHERE client_id IS NOT NULL;
CREATE INDEX events_by_touched ON events ((key >> 32), touches) WHERE touches IS NOT NULL;
