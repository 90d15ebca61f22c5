-- Removes the records of jobs that have ended.
for _, id in ipairs(ARGV) do
  local job = load(id)
  if job and TERMINAL[job.state] then
    for _, set in ipairs({'all', 'in:' .. job.state, 'ended'}) do
      redis.call('ZREM', records .. set, id)
    end
    if job.digest then redis.call('HDEL', records .. 'keys', job.digest) end
    redis.call('DEL', records .. 'job:' .. id, records .. 'events:' .. id, records .. 'reports:' .. id)
    redis.call('PUBLISH', records .. 'changes', 'deleted ' .. id)
  end
end
