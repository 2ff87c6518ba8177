-- A file that waits for the event that will name it has no byte at all for its conversation. Once
-- named it is that event's, and goes with it.
ALTER TABLE attachments ADD COLUMN event_id {int};

DROP INDEX attachments_by_conversation;
CREATE INDEX attachments_by_conversation
    ON attachments (application_id, conversation_id, event_id);

-- Those that wait, by their age and by whose they are: rows are long, and are not looked into.
CREATE INDEX attachments_waiting ON attachments (created_at) WHERE length(conversation_id) = 0;
CREATE INDEX attachments_waiting_by_author ON attachments (application_id, author)
    WHERE length(conversation_id) = 0;
