-- Extends the lease of lanes.
local clock = redis.call('TIME')
local ends = clock[1] * 1000 + clock[2] / 1000 + ARGV[1]
for n = 2, #ARGV do redis.call('ZADD', KEYS[1] .. 'running', 'XX', ends, ARGV[n]) end
redis.call('PEXPIRE', KEYS[1] .. 'running', 2 * ARGV[1])
