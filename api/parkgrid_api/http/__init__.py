"""What belongs to HTTP: who may ask, connections and turns, parameters, problems, languages, forms of an answer."""
