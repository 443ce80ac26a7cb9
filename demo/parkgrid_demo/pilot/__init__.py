"""A demonstration of the pilot: three parks that answer two calls, over Modbus, broker and store."""
