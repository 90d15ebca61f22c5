-- Unlocks the jobs whose tokens begin with ARGV[1], those of a dead process; the remaining arguments are
-- tokens of live attempts.
local instance, freed, alive = ARGV[1], 0, {}
for i = 2, #ARGV do alive[ARGV[i]] = true end
for _, id in ipairs(redis.call('LRANGE', bull .. 'active', 0, -1)) do
  local owner = redis.call('GET', bull .. id .. ':lock') or redis.call('HGET', records .. 'job:' .. id, 'token')
  if owner and string.sub(owner, 1, #instance) == instance and not alive[owner] then
    redis.call('DEL', bull .. id .. ':lock')
    redis.call('SADD', bull .. 'stalled', id)
    freed = freed + 1
  end
end
if freed > 0 then redis.call('DEL', bull .. 'stalled-check') end
return freed
