-- One import at a time; readers are not kept waiting.
LOCK TABLE base.cluster_import IN SHARE ROW EXCLUSIVE MODE
