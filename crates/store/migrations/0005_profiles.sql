-- What users and conversations show beside their names.
ALTER TABLE users ADD COLUMN image_url {text};
ALTER TABLE users ADD COLUMN custom_data {text};
ALTER TABLE conversations ADD COLUMN image_url {text};
ALTER TABLE conversations ADD COLUMN custom_data {text};

-- When a place went from state to state, and which member asked its user in. The events tell it of
-- places that were there before; a merge told of none, and what is last stands for it.
ALTER TABLE members ADD COLUMN invited_at {int};
ALTER TABLE members ADD COLUMN joined_at {int};
ALTER TABLE members ADD COLUMN left_at {int};
ALTER TABLE members ADD COLUMN invited_by {blob};

UPDATE members SET invited_at = e.created_at FROM events e
    WHERE e.kind = 'member:invited' AND members.application_id = e.application_id
    AND members.conversation_id = e.conversation_id AND members.id = e.subject_id;
UPDATE members SET joined_at = e.created_at FROM events e
    WHERE e.kind = 'member:joined' AND members.application_id = e.application_id
    AND members.conversation_id = e.conversation_id AND members.id = e.subject_id;
UPDATE members SET left_at = e.created_at FROM events e
    WHERE e.kind = 'member:left' AND members.application_id = e.application_id
    AND members.conversation_id = e.conversation_id AND members.id = e.subject_id;
UPDATE members SET joined_at = changed_at WHERE state = 'joined' AND joined_at IS NULL;
UPDATE members SET left_at = changed_at WHERE state = 'left' AND left_at IS NULL;
UPDATE members SET invited_by = e.author_id FROM events e
    WHERE e.kind = 'member:invited' AND members.application_id = e.application_id
    AND members.conversation_id = e.conversation_id AND members.id = e.subject_id
    AND EXISTS (SELECT 1 FROM members w WHERE w.application_id = e.application_id
        AND w.conversation_id = e.conversation_id AND w.id = e.author_id);
