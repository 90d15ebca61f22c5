-- Releases lanes.
redis.call('ZREM', KEYS[1] .. 'running', unpack(ARGV))
return 1
