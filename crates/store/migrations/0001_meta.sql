-- What the database knows about itself. The epoch changes when a history was restored.
CREATE TABLE meta (
    name {text} NOT NULL PRIMARY KEY,
    value {text} NOT NULL
){end};

INSERT INTO meta (name, value) VALUES ('epoch', '1');
