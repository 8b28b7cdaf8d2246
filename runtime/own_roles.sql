-- name: last_change
-- The number of the last change of the institution's own roles.
SELECT change FROM reporting.own_roles_change;

-- name: own_roles
-- The institution's own roles, with what each grants.
SELECT name, grants FROM reporting.own_roles;
