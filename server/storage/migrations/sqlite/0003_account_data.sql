-- What modules keep of an account in few rows: vCard, private XML, blocked addresses, last activity. `kind`:
-- storage::DataKind.
CREATE TABLE account_data (
  owner TEXT NOT NULL,
  kind  INTEGER NOT NULL,
  name  TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (owner, kind, name)
) WITHOUT ROWID;
