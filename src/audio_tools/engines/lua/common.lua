-- The beginning of the scripts that use the quota: `key`, `now` in ms, and the quota as it is now.
--
-- KEYS[1] is the prefix of
--
--     running  zset  lanes by the end of their lease
--     starts   zset  lanes by start time
--     answers  zset  recent answers by arrival time
--     row      zset  waiting processes by arrival
--     seen     zset  waiting processes by last poll
--     pause          exists while no request may start
--     quota    hash  the fields of `TokenBucket`, times in ms

local key = KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
local known = redis.call('HMGET', key .. 'quota', 'limit', 'per_ms', 'level', 'at', 'full_at')
for field = 1, 5 do known[field] = tonumber(known[field]) end  -- Lua compares no string with a number
local limit, per_ms, level, at, full_at = unpack(known, 1, 5)
if limit then level = now < full_at and math.min(level + (now - at) * per_ms, limit) or limit end
