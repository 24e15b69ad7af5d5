"""What does the I/O around the flow: the tape now, the live loop later."""
