"""What services that run beside the bot have in common: a worker thread, databases, bounded HTTP, patience."""
