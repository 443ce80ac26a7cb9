-- One share of an account; the next revision where there is one.
INSERT INTO base.enterprise_account
    (park, account, enterprise, valid_from, revision, valid_to, share_pct, source, import_id)
SELECT %(park)s, %(account)s, %(enterprise)s, %(valid_from)s, 1 + coalesce(max(a.revision), 0), %(valid_to)s,
       %(share_pct)s, %(source)s, %(import_id)s
FROM base.enterprise_account AS a
WHERE a.park = %(park)s AND a.account = %(account)s AND a.enterprise = %(enterprise)s
  AND a.valid_from = %(valid_from)s
