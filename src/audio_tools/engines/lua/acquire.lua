-- Returns 0 if the request may start in this lane, else the time after which to poll again, in ms.
local lanes, starts, window_ms, lease_ms = unpack(ARGV, 3, 6)
local poll_ms, ask_again_ms, patience_ms = unpack(ARGV, 7, 9)
local process, lane = ARGV[1], ARGV[2]
if redis.call('ZSCORE', key .. 'running', lane) then return 0 end   -- granted before, but the reply was lost
local paused_ms = redis.call('PTTL', key .. 'pause')
if paused_ms > 0 then return math.min(paused_ms, ask_again_ms) end
redis.call('ZREMRANGEBYSCORE', key .. 'running', '-inf', now)
redis.call('ZREMRANGEBYSCORE', key .. 'starts', '-inf', now - window_ms)
redis.call('ZADD', key .. 'row', 'NX', now, process)
redis.call('ZADD', key .. 'seen', now, process)
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', key .. 'seen', '-inf', now - patience_ms)) do
  redis.call('ZREM', key .. 'row', gone)
  redis.call('ZREM', key .. 'seen', gone)
end
-- Processes take turns: one that frees a lane and requests another queues behind the others.
local place = redis.call('ZRANK', key .. 'row', process)
local free = lanes - redis.call('ZCARD', key .. 'running')
local recent = redis.call('ZRANGEBYSCORE', key .. 'starts', now - window_ms, '+inf', 'WITHSCORES')
local allowed = tonumber(window_ms) == 0 and free or starts - #recent / 2
local wait_ms = 0
if place >= allowed then
  wait_ms = recent[2] and recent[2] + window_ms - now or poll_ms
elseif limit and level < place + 1 then
  wait_ms = math.max(math.min((place + 1 - level) / per_ms, math.max(full_at - now, poll_ms)), 1)
elseif place >= free then
  wait_ms = poll_ms
else
  redis.call('ZREM', key .. 'row', process)
  redis.call('ZREM', key .. 'seen', process)
  redis.call('ZADD', key .. 'running', now + lease_ms, lane)
  redis.call('ZADD', key .. 'starts', now, lane)
  if limit then
    full_at = now < full_at and full_at or 'inf'
    redis.call('HSET', key .. 'quota', 'level', level - 1, 'at', now, 'full_at', full_at)
  end
end
for _, set in ipairs({'running', 'starts', 'row', 'seen'}) do
  redis.call('PEXPIRE', key .. set, window_ms + lease_ms + patience_ms)
end
return math.ceil(math.min(math.max(wait_ms, 0), ask_again_ms))
