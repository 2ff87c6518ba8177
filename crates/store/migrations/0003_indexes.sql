-- An index that every event changed, for a list that is by age now.
DROP INDEX conversations_by_updated_at;

-- A login counts the user's open sessions: the index alone tells which are open.
DROP INDEX sessions_by_user;
CREATE INDEX sessions_by_user ON sessions (application_id, user_id, ended_at, id);
