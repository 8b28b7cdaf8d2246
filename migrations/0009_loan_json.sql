-- A loan's book and its transactions are written and read whole and never looked into by the database. As text they cost it half of
-- what they cost as jsonb, and most books are short enough to stay in their row as they are.
ALTER TABLE loan.book ALTER COLUMN book TYPE json;
ALTER TABLE loan.transaction ALTER COLUMN happening TYPE json, ALTER COLUMN change TYPE json;
