INSERT INTO base.vpp_entry (number, kind, subject, at, by, document, previous, digest)
VALUES (%(number)s, %(kind)s, %(subject)s, %(at)s, %(by)s, %(document)s, %(previous)s, %(digest)s)
