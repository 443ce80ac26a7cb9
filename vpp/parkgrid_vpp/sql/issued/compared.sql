INSERT INTO base.vpp_restore (state, told, by) VALUES ('compared', %(told)s, %(by)s)
