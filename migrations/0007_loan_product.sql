-- What the loan product actor keeps: products, and their versions, which are only ever added to. A loan that began under a version
-- holds a copy of its rules, so nothing here is read for a loan again after its application.
CREATE SCHEMA loan_product;
GRANT USAGE ON SCHEMA loan_product TO coffer_app;

CREATE TABLE loan_product.product (
    product_id uuid PRIMARY KEY,
    code text COLLATE "C" NOT NULL UNIQUE,
    currency text NOT NULL CHECK (length(currency) = 3),
    status text NOT NULL CHECK (status IN ('active', 'retired')),
    latest_version integer NOT NULL CHECK (latest_version > 0)
);

CREATE TABLE loan_product.version (
    product_id uuid NOT NULL REFERENCES loan_product.product,
    version integer NOT NULL CHECK (version > 0),
    name text NOT NULL,
    rules jsonb NOT NULL,
    made_by text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (product_id, version)
);
COMMENT ON COLUMN loan_product.version.rules IS 'As they are said and shown, with every order of allocation written out.';

GRANT SELECT, INSERT, UPDATE ON loan_product.product TO coffer_app;
GRANT SELECT, INSERT ON loan_product.version TO coffer_app;
