-- The audit log becomes a chain: its entries are numbered without holes, and sealed in that order.
-- What an entry holds beside who did what is covered by a digest of its own under a salt, so that
-- it can be erased with the salt and the chain still holds. Entries that are here already get salt
-- and digest when they are sealed.
CREATE TABLE numbered_audit (
    application_id {blob} NOT NULL,
    number {int} NOT NULL,
    id {blob} NOT NULL,
    happened_at {int} NOT NULL,
    actor {text} NOT NULL,
    action {text} NOT NULL,
    target {text} NOT NULL,
    user_id {blob},
    salt {blob},
    before_json {text},
    after_json {text},
    detail {text},
    details_digest {blob},
    digest {blob},
    PRIMARY KEY (application_id, number)
){end};
INSERT INTO numbered_audit
    (application_id, number, id, happened_at, actor, action, target, detail)
    SELECT application_id, row_number() OVER (PARTITION BY application_id ORDER BY id), id,
        happened_at, actor, action, target, detail FROM audit;
DROP TABLE audit;
ALTER TABLE numbered_audit RENAME TO audit;
-- What is erased with a person.
CREATE INDEX audit_by_user ON audit (application_id, user_id) WHERE user_id IS NOT NULL;

-- Each log's newest number, which is its lock too, and up to where it is sealed.
CREATE TABLE audit_logs (
    application_id {blob} NOT NULL PRIMARY KEY,
    last_number {int} NOT NULL,
    sealed_number {int} NOT NULL,
    sealed_digest {blob}
){end};
INSERT INTO audit_logs (application_id, last_number, sealed_number)
    SELECT application_id, max(number), 0 FROM audit GROUP BY application_id;
CREATE INDEX audit_logs_unsealed ON audit_logs (application_id)
    WHERE sealed_number < last_number;
