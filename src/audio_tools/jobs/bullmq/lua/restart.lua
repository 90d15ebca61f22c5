-- Makes a failed job wait again; any other job stays as it is.
local id = ARGV[1]
local job = load(id)
if not job then return false end
if job.state == 'failed' then
  redis.call('ZREM', records .. 'ended', id)
  redis.call('HDEL', records .. 'job:' .. id, 'error', 'started_at', 'finished_at', 'progress_event', 'token')
  redis.call('DEL', records .. 'reports:' .. id)
  redis.call('XTRIM', records .. 'events:' .. id, 'MAXLEN', 0)
  set(id, 'progress', '0.0', 'report', '{}', 'crashes', 0, 'reported', 0)
  move(id, job, 'waiting')
  store_event(id, 'waiting', '{}')
end
return flat(id)
