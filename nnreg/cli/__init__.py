"""What a person or a script asks for."""
