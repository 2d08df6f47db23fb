"""What the command line shows, as plain text: aligned tables and a few lines of totals."""
