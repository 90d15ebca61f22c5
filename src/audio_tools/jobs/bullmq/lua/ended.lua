-- Returns and unlocks the first jobs that ended at least ARGV[1] seconds ago.
local jobs = {}
local old = redis.call('ZRANGEBYSCORE', records .. 'ended', '-inf', tonumber(now) - ARGV[1], 'LIMIT', 0, ARGV[2])
for i, id in ipairs(old) do
  redis.call('DEL', bull .. id .. ':lock')
  jobs[i] = flat(id)
end
return jobs
