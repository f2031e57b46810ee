"""What is measured: the bare driver, SQLAlchemy as usually written, this store, and others."""
