-- name: insert_product
-- A new product; nothing where its code is taken.
INSERT INTO loan_product.product (product_id, code, currency, status, latest_version)
VALUES ($1, $2, $3, 'active', 1)
ON CONFLICT (code) DO NOTHING
RETURNING true;

-- name: insert_version
-- The next version of a product.
INSERT INTO loan_product.version (product_id, version, name, rules, made_by, created_at)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: lock_product
-- Lets nobody else change the product until the commit; read it afterwards, in a statement of its own.
SELECT FROM loan_product.product WHERE product_id = $1 FOR NO KEY UPDATE;

-- name: advance_product
-- Makes a new version the one that loans are made under.
UPDATE loan_product.product SET latest_version = $2 WHERE product_id = $1;

-- name: retire_product
-- No more loans under it.
UPDATE loan_product.product SET status = 'retired' WHERE product_id = $1;

-- name: product_by_id
-- A product in the version asked for, else in its latest.
SELECT
    p.product_id, p.code, p.currency, p.status, p.latest_version,
    v.version, v.name, v.rules, v.made_by, v.created_at
FROM loan_product.product AS p
JOIN loan_product.version AS v USING (product_id)
WHERE p.product_id = $1 AND v.version = coalesce($2, p.latest_version);

-- name: products
-- Products in their latest versions, by code.
SELECT
    p.product_id, p.code, p.currency, p.status, p.latest_version,
    v.version, v.name, v.rules, v.made_by, v.created_at
FROM loan_product.product AS p
JOIN loan_product.version AS v ON v.product_id = p.product_id AND v.version = p.latest_version
WHERE p.code > $1 AND ($2::text IS NULL OR p.status = $2)
ORDER BY p.code
LIMIT $3;
