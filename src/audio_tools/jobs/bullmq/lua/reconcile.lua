-- Adopts jobs that exist only in BullMQ, and returns jobs that are missing from it.
local function adopt_all(ids, first, last, step)
  for i = first, last, step do
    if redis.call('EXISTS', records .. 'job:' .. ids[i]) == 0 then adopt(ids[i]) end
  end
end
local waiting = redis.call('LRANGE', bull .. 'wait', 0, -1)
adopt_all(waiting, #waiting, 1, -1)  -- its oldest job is at the end
for _, set in ipairs({'prioritized', 'delayed'}) do
  local ids = redis.call('ZRANGE', bull .. set, 0, -1)
  adopt_all(ids, 1, #ids, 1)
end
local missing = {}
for _, state in ipairs({'active', 'delayed', 'waiting'}) do
  for _, id in ipairs(redis.call('ZRANGE', records .. 'in:' .. state, 0, -1)) do
    if redis.call('EXISTS', bull .. id) == 0 then
      local job = load(id)
      if state ~= 'waiting' then give_back(id, job) end
      if job.state == 'waiting' then table.insert(missing, flat(id)) end
    end
  end
end
return missing
