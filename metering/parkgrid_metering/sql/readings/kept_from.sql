-- From when on the readings of a class are kept, of each park that lost older ones.
SELECT relation, park, max(upper(spans)) FROM base.removed_span WHERE relation = ANY(%(classes)s) GROUP BY relation, park
