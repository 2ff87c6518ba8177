-- Who is being erased, or was: the user who was named, and each visitor who turned out to be that
-- user. Taken is who has nothing left in any row; done, who has nothing left in the files either.
-- The numbers tell what was taken.
CREATE TABLE erasures (
    application_id {blob} NOT NULL,
    user_id {blob} NOT NULL,
    asked_for {blob} NOT NULL,
    begun_at {int} NOT NULL,
    taken_at {int},
    done_at {int},
    events {int} NOT NULL,
    files {int} NOT NULL,
    sessions {int} NOT NULL,
    PRIMARY KEY (application_id, user_id)
){end};
CREATE INDEX erasures_by_asked_for ON erasures (application_id, asked_for);
CREATE INDEX erasures_open ON erasures (begun_at) WHERE done_at IS NULL;

-- The places whose events are still being taken, some at a time: what follows a number, up to the
-- last one that could be theirs.
CREATE TABLE erasure_places (
    application_id {blob} NOT NULL,
    conversation_id {blob} NOT NULL,
    member_id {blob} NOT NULL,
    asked_for {blob} NOT NULL,
    after_id {int} NOT NULL,
    until_id {int} NOT NULL,
    taken {int} NOT NULL,
    PRIMARY KEY (application_id, conversation_id, member_id)
){end};
CREATE INDEX erasure_places_by_asked_for ON erasure_places (application_id, asked_for, taken);

-- Which visitors' places were merged into one.
CREATE INDEX members_adopted ON members (application_id, adopted_by) WHERE adopted_by IS NOT NULL;
