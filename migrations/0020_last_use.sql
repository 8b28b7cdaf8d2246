-- A session's last use is that of any request, no longer only its last refresh.
COMMENT ON COLUMN identity.session.last_used_at IS 'To the minute: edges tell it once a minute. Null: not since it began.';
COMMENT ON COLUMN identity.api_key.last_used_at IS 'To the minute: edges tell it once a minute. Null: never.';
