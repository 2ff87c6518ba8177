-- What users say of themselves: of their own, since others see what the application keeps with them.
ALTER TABLE users ADD COLUMN described {text};
