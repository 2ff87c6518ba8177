-- Whether a place has others' history merged into it: who has none is spared a look at the author of
-- each event that they have not seen.
CREATE INDEX members_by_adopter ON members (application_id, conversation_id, adopted_by)
    WHERE adopted_by IS NOT NULL;
