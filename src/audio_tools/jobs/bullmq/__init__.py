"""The queue on Redis, as ordinary BullMQ jobs."""
