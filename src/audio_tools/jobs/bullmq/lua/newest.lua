-- Returns {total, jobs}: the next jobs below a number, so that no job is skipped if another leaves its
-- state between two pages.
local limit, skip, before = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local found, total, several = {}, 0, #ARGV > 4
local first, most = skip, limit
if several then first, most = 0, skip + limit end
for i = 4, #ARGV do
  local set = records .. ARGV[i]
  total = total + redis.call('ZCARD', set)
  local ids = redis.call('ZREVRANGEBYSCORE', set, before, '-inf', 'WITHSCORES', 'LIMIT', first, most)
  for n = 1, #ids, 2 do table.insert(found, {id = ids[n], number = tonumber(ids[n + 1])}) end
end
if several then table.sort(found, function(one, other) return one.number > other.number end) end
local jobs = {}
for n = skip - first + 1, math.min(skip - first + limit, #found) do
  table.insert(jobs, flat(found[n].id))
end
return {total, jobs}
