-- Stores the report of an attempt; a repeat, with the same number, changes nothing.
local id, token, number, type, payload, progress = unpack(ARGV)
local job = load(id)
if not job or job.state ~= 'active' or job.token ~= token then return 0 end
if tonumber(job.reported) >= tonumber(number) then return 1 end  -- it is stored already
set(id, 'reported', number)
local event = store_event(id, type, payload)
if progress == '' then
  redis.call('RPUSH', records .. 'reports:' .. id, event)
  return 1
end
if job.progress_event then redis.call('XDEL', records .. 'events:' .. id, job.progress_event) end
if tonumber(progress) > tonumber(job.progress) then set(id, 'crashes', 0) end
set(id, 'progress', progress, 'report', payload, 'progress_event', event)
return 1
