"""What an existing dataset gives away: faces, identifying text, risky files. It only reads."""
