-- An index that every event changed, for a list that is by age now.
DROP INDEX conversations_by_updated_at;
