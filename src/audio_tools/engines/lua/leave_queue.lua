-- Takes a process out of the queue.
redis.call('ZREM', KEYS[1] .. 'row', ARGV[1])
redis.call('ZREM', KEYS[1] .. 'seen', ARGV[1])
