-- Passwords of users who signed up with one: a hash that says by itself how it was made.
CREATE TABLE passwords (
    application_id {blob} NOT NULL,
    user_id {blob} NOT NULL,
    hash {text} NOT NULL,
    PRIMARY KEY (application_id, user_id)
){end};
