"""Plant physics behind real protocol servers, seeded and reproducible."""
