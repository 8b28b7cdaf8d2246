-- name: signing_keys
-- The key that signs, and the one that is next.
SELECT kid, sealed, made_at, signs_from FROM identity.signing_key WHERE retired_at IS NULL;

-- name: retire_signing_key
-- A key signs no more; what it signed is still good until it expires.
UPDATE identity.signing_key SET retired_at = $2 WHERE kid = $1 AND retired_at IS NULL;

-- name: let_next_key_sign
-- The next key takes the place of the one that was retired.
UPDATE identity.signing_key SET signs_from = NULL WHERE kid = $1 AND signs_from IS NOT NULL AND retired_at IS NULL;

-- name: insert_signing_key
-- A key that signs at once, or from $5 on; nothing where another process was faster.
INSERT INTO identity.signing_key (kid, public_x, sealed, made_at, signs_from) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING;

-- name: public_keys
-- The keys whose tokens may still be alive, or will soon be: those in use and the next, and those retired after $1.
SELECT kid, public_x FROM identity.signing_key WHERE retired_at IS NULL OR retired_at > $1 ORDER BY made_at DESC;
