-- A file that is taken in whole.
INSERT INTO base.cluster_import (kind, file_digest, file, figures, entered_by, entered_at)
VALUES (%(kind)s, %(file_digest)s, %(file)s, %(figures)s, %(entered_by)s, %(entered_at)s)
RETURNING import_id
