"""What is spoken on wires: Modbus and its register rows, SunSpec, MQTT. Each foreign library in one file."""
