"""What a deployment needs beside its days."""
