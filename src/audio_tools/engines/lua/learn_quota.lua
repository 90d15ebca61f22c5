-- Takes in what the provider reported of its limit.
local told_limit, remaining, told_per_ms, reset_ms, age_ms, keep_ms = unpack(ARGV)
redis.call('ZREMRANGEBYSCORE', key .. 'answers', '-inf', now - keep_ms)
local meanwhile = redis.call('ZCOUNT', key .. 'answers', now - age_ms, '+inf')
meanwhile = meanwhile + math.max(redis.call('ZCARD', key .. 'running') - 1, 0)
redis.call('ZADD', key .. 'answers', now, ARGV[7])
local least = remaining - meanwhile
if limit == tonumber(told_limit) then
  per_ms = math.min(told_per_ms, per_ms)
else
  per_ms, level = told_per_ms, least
end
level = math.min(math.max(level, least), remaining + age_ms * per_ms)
redis.call('HSET', key .. 'quota', 'limit', told_limit, 'per_ms', per_ms, 'level', level, 'at', now)
redis.call('HSET', key .. 'quota', 'full_at', now + reset_ms)
redis.call('PEXPIRE', key .. 'quota', keep_ms)
redis.call('PEXPIRE', key .. 'answers', keep_ms)
